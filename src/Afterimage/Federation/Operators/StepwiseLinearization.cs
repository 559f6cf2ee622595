namespace Afterimage.Federation;

/// <summary>
/// Local training at one batch, its products taken step by step. The reverse pass of the whole is, from the last step to the first,
/// the transposed Jacobian of one step: its Hessian-vector product by double backward. Only states at the borders of segments are
/// kept (about the root of the number of steps); those inside are computed again when their segment is pulled back, so that memory
/// holds about two roots of states and the graph of one step.
/// </summary>
internal sealed class StepwiseLinearization : Linearization
{
    private readonly LocalRun run;
    private readonly Batch batch;
    private readonly int segment;
    private readonly List<IReadOnlyList<Tensor>> borders = [];

    public StepwiseLinearization(LocalRun run, Batch batch)
    {
        (this.run, this.batch) = (run, batch.Detach());
        segment = (int)Math.Ceiling(Math.Sqrt(run.Count));
        var state = run.Begin();
        for (var step = 0; step < run.Count; step++)
        {
            var isBorder = step % segment == 0;
            if (isBorder)
                borders.Add(state);
            var next = Next(step, state);
            if (!isBorder)
                Dispose(state);
            state = next;
        }
        using var scope = Tidy.Scope();
        Value = GradientSet.Gather(run.Model.Layout, [.. run.Model.Parameters.Zip(state, (before, after) => after - before.detach())]);
        Value.Flat.MoveToOuterDisposeScope();
        Dispose(state);
    }

    public override GradientSet Value { get; }

    public override Batch Pullback(GradientSet v)
    {
        var (forBatch, forMasks) = PullbackAll(v);
        forMasks?.Dispose();
        return forBatch;
    }

    /// <summary>J'v, also with respect to the dropout masks where choices has them.</summary>
    public (Batch Batch, Tensor? Masks) PullbackAll(GradientSet v)
    {
        var forBatch = batch.Each(tensor => zeros_like(tensor));
        var forMasks = run.AllMasks is { } masks ? zeros_like(masks) : null;
        using var scope = Tidy.Scope();
        IReadOnlyList<Tensor> along = [.. v.Split(), .. run.Begin().Skip(run.Model.Parameters.Count)];
        for (var border = borders.Count - 1; border >= 0; border--)
        {
            var first = border * segment;
            var states = new List<IReadOnlyList<Tensor>> { borders[border] };
            while (states.Count < Math.Min(segment, run.Count - first))
                states.Add(Next(first + states.Count - 1, states[^1]));
            for (var i = states.Count - 1; i >= 0; i--)
            {
                var before = Back(first + i, states[i], along, forBatch, forMasks);
                Dispose(along);
                if (i > 0)
                    Dispose(states[i]);
                along = before;
            }
        }
        return (forBatch, forMasks);
    }

    public override GradientSet Pushforward(Tensor u)
    {
        using var scope = Tidy.Scope();
        IReadOnlyList<Tensor> along = [.. run.Begin().Select(tensor => zeros_like(tensor))];
        var state = borders[0];
        for (var step = 0; step < run.Count; step++)
        {
            if (step % segment == 0)
                state = borders[step / segment];
            var after = Forth(step, state, along, u);
            Dispose(along);
            along = after;
            var next = Next(step, state);
            if (step % segment != 0)
                Dispose(state);
            state = next;
        }
        var change = GradientSet.Gather(run.Model.Layout, [.. along.Take(run.Model.Parameters.Count)]);
        change.Flat.MoveToOuterDisposeScope();
        return change;
    }

    private IReadOnlyList<Tensor> Next(int step, IReadOnlyList<Tensor> state)
    {
        using var scope = Tidy.Scope();
        return Kept(run.Step(step, Leaves(state), run.Rows(step, batch), run.Masks(step), graph: false));
    }

    /// <summary>The derivative with respect to the state before a step, from that with respect to the state after it.</summary>
    private IReadOnlyList<Tensor> Back(int step, IReadOnlyList<Tensor> state, IReadOnlyList<Tensor> along, Batch forBatch, Tensor? forMasks)
    {
        using var scope = Tidy.Scope();
        var (before, rows, masks) = Open(step, state);
        var after = run.Step(step, before, rows, masks, graph: true);
        Tensor[] inputs = [.. before, rows.Inputs, rows.Targets];
        var found = Differentiate.Products(after, masks is null ? inputs : [.. inputs, masks], along);
        run.Spread(step, new(found[before.Length], found[before.Length + 1]), forBatch);
        if (forMasks is not null)
            run.SpreadMasks(step, found[before.Length + 2], forMasks);
        return Kept(found.Take(before.Length));
    }

    /// <summary>The change of the state after a step, from that of the state before it and of the inputs.</summary>
    private IReadOnlyList<Tensor> Forth(int step, IReadOnlyList<Tensor> state, IReadOnlyList<Tensor> along, Tensor u)
    {
        using var scope = Tidy.Scope();
        var (before, rows, masks) = Open(step, state);
        var after = run.Step(step, before, rows, masks, graph: true);
        var v = after.Select(tensor => zeros_like(tensor).requires_grad_()).ToArray();
        var pulled = Differentiate.Products(after, [.. before, rows.Inputs], v, graph: true);
        var linear = pulled.Zip([.. along, run.Rows(step, u)]).Where(pair => pair.First.requires_grad).ToArray();
        return Kept(Differentiate.Products([.. linear.Select(pair => pair.First)], v, [.. linear.Select(pair => pair.Second)]));
    }

    private (Tensor[] State, Batch Batch, Tensor? Masks) Open(int step, IReadOnlyList<Tensor> state) =>
        (Leaves(state), run.Rows(step, batch).Leaves(), run.Masks(step) is { } masks ? Leaf(masks) : null);

    private static Tensor[] Leaves(IReadOnlyList<Tensor> state) => [.. state.Select(Leaf)];

    private static Tensor Leaf(Tensor tensor) => tensor.detach().requires_grad_();

    private static IReadOnlyList<Tensor> Kept(IEnumerable<Tensor> tensors) =>
        [.. tensors.Select(tensor => tensor.detach().MoveToOuterDisposeScope())];

    private static void Dispose(IReadOnlyList<Tensor> state)
    {
        foreach (var tensor in state)
            tensor.Dispose();
    }
}
