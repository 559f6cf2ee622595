namespace Afterimage.Numerics;

/// <summary>
/// The forward operator A (what a client's local training makes of its batch) at one batch, with its three products:
/// A(x), J'v and Ju. Solvers, priors and the leakage analysis see nothing else of a model.
/// </summary>
public abstract class Linearization
{
    /// <summary>A(x): what a client holding this batch would send.</summary>
    public abstract GradientSet Value { get; }

    /// <summary>J'v: derivatives with respect to inputs and targets.</summary>
    public abstract Batch Pullback(GradientSet v);

    /// <summary>Ju: the change of A(x) along a direction u of the inputs.</summary>
    public abstract GradientSet Pushforward(Tensor u);
}

/// <summary>The operator through libtorch's graph: any model, any local training, any device.</summary>
public sealed class GraphLinearization : Linearization
{
    private readonly Batch batch;
    private readonly IReadOnlyList<Tensor> update;

    /// <summary>Runs the training and keeps its graph.</summary>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="batch">Where to linearize.</param>
    /// <param name="train">Local training: builds the differentiable update, one tensor for each parameter.</param>
    public GraphLinearization(TensorLayout layout, Batch batch, Func<Batch, IReadOnlyList<Tensor>> train)
    {
        this.batch = batch.Leaves();
        update = train(this.batch);
        Value = GradientSet.Gather(layout, [.. update.Select(part => part.detach())]);
    }

    /// <inheritdoc/>
    public override GradientSet Value { get; }

    /// <inheritdoc/>
    public override Batch Pullback(GradientSet v)
    {
        var products = Differentiate.Products(update, [batch.Inputs, batch.Targets], v.Split());
        return new(products[0], products[1]);
    }

    /// <inheritdoc/>
    public override GradientSet Pushforward(Tensor u)
    {
        // J'v is linear in v, so differentiating <J'v, u> with respect to v gives Ju.
        var v = update.Select(part => zeros_like(part).requires_grad_()).ToArray();
        var pullback = Differentiate.Products(update, [batch.Inputs], v, graph: true);
        return GradientSet.Gather(Value.Layout, Differentiate.Products(pullback, v, [u]));
    }
}
