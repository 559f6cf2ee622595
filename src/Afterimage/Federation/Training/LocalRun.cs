using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The steps of one client, each a differentiable function of its state (weights, then what the optimizer keeps), its images,
/// targets and masks. Whoever walks them decides what stays in memory.
/// </summary>
internal sealed class LocalRun
{
    /// <summary>Up to so many steps a single graph costs little more memory and less time than going through them one by one.</summary>
    public const int PlainSteps = 4;

    private readonly FedAvg training;
    private readonly RandomChoices choices;
    private readonly List<(long[] Images, long[] Masks)> steps = [];

    /// <param name="training">How the client trains.</param>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">Images given; where they are separate, those of all epochs.</param>
    /// <param name="choices">How choices fell.</param>
    /// <param name="separate">Whether every epoch has images of its own, one epoch after the other.</param>
    public LocalRun(FedAvg training, VictimModel model, int batch, RandomChoices choices, bool separate)
    {
        (this.training, Model, this.choices) = (training, model, choices);
        if (separate && batch % training.Epochs != 0)
            throw new AfterimageException($"{batch} images cannot be those of {training.Epochs} epochs: give every epoch as many.");
        var images = separate ? batch / training.Epochs : batch;
        for (var epoch = 0; epoch < training.Epochs; epoch++)
            for (var from = 0; from < images; from += training.BatchSize)
            {
                var rows = Enumerable.Range(from, Math.Min(training.BatchSize, images - from))
                    .Select(place => (long)(choices.Orders?[epoch][place] ?? place)).ToArray();
                steps.Add(([.. rows.Select(row => separate ? epoch * images + row : row)], [.. rows.Select(row => epoch * images + row)]));
            }
    }

    public VictimModel Model { get; }

    public int Count => steps.Count;

    /// <summary>The weights before the round and the optimizer's empty memory.</summary>
    public IReadOnlyList<Tensor> Begin() =>
    [
        .. Model.Parameters,
        .. Enumerable.Range(0, training.Optimizer.Memory).SelectMany(_ => Model.Parameters.Select(weight => zeros_like(weight))),
    ];

    /// <summary>Every step in one graph: weights after minus weights before.</summary>
    public IReadOnlyList<Tensor> Unrolled(Batch batch)
    {
        var state = Begin();
        for (var step = 0; step < Count; step++)
            state = Step(step, state, Rows(step, batch), Masks(step), graph: true);
        return [.. state.Zip(Model.Parameters, (after, before) => after - before)];
    }

    /// <summary>The state after a step.</summary>
    /// <param name="number">The step, from 0.</param>
    /// <param name="state">Before it; the weights require a gradient.</param>
    /// <param name="batch">That of the step, as <see cref="Rows(int, Batch)"/> gives it.</param>
    /// <param name="masks">Those of the step, or null.</param>
    /// <param name="graph">Whether the result can be differentiated.</param>
    public IReadOnlyList<Tensor> Step(int number, IReadOnlyList<Tensor> state, Batch batch, Tensor? masks, bool graph)
    {
        var count = Model.Parameters.Count;
        Tensor[] weights = [.. state.Take(count)];
        var gradients = Differentiate.Gradients(training.LossOf(Model, batch, weights, masks), weights, graph);
        var next = new Tensor[state.Count];
        for (var i = 0; i < count; i++)
        {
            var memory = Enumerable.Range(1, training.Optimizer.Memory).Select(slot => state[slot * count + i]).ToArray();
            (next[i], var kept) = training.Optimizer.Step(weights[i], gradients[i], memory, training.LearningRate, number + 1);
            for (var slot = 0; slot < kept.Length; slot++)
                next[(slot + 1) * count + i] = kept[slot];
        }
        return next;
    }

    /// <summary>What of a batch enters a step: a view where the rows follow one another.</summary>
    public Batch Rows(int number, Batch batch) => batch.Each(tensor => Rows(number, tensor));

    /// <summary>What of the inputs, or of a direction of theirs, enters a step.</summary>
    public Tensor Rows(int number, Tensor inputs) => Select(inputs, steps[number].Images);

    /// <summary>The masks that a step uses.</summary>
    public Tensor? Masks(int number) => choices.Masks is { } masks ? Select(masks, steps[number].Masks) : null;

    /// <summary>Every mask of the round, or null.</summary>
    public Tensor? AllMasks => choices.Masks;

    /// <summary>Adds the derivative with respect to a step's batch to that with respect to the whole batch.</summary>
    public void Spread(int number, Batch rows, Batch batch)
    {
        Add(steps[number].Images, rows.Inputs, batch.Inputs);
        Add(steps[number].Images, rows.Targets, batch.Targets);
    }

    /// <summary>Adds the derivative with respect to a step's masks to that with respect to all masks.</summary>
    public void SpreadMasks(int number, Tensor rows, Tensor masks) => Add(steps[number].Masks, rows, masks);

    private static void Add(long[] places, Tensor rows, Tensor sum) => sum.index_add_(0, tensor(places, device: sum.device), rows, 1);

    private static Tensor Select(Tensor batch, long[] rows)
    {
        for (var i = 1; i < rows.Length; i++)
            if (rows[i] != rows[0] + i)
                return batch.index_select(0, tensor(rows, device: batch.device));
        return batch.narrow(0, rows[0], rows.Length);
    }
}
