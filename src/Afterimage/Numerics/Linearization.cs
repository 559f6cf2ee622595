namespace Afterimage.Numerics;

/// <summary>
/// The forward operator A (what a client's local training makes of its batch) at one batch, with its three products:
/// A(x), J'v and Ju. Solvers, priors and the leakage analysis see nothing else of a model.
/// </summary>
public abstract class Linearization
{
    /// <summary>A(x): what a client holding this batch would send.</summary>
    public abstract GradientSet Value { get; }

    /// <summary>J'v: for images of shape [B,C,H,W] and targets of shape [B,classes].</summary>
    public abstract (Tensor Images, Tensor Targets) Pullback(GradientSet v);

    /// <summary>Ju: the change of A(x) along a direction u of the images, shape [B,C,H,W].</summary>
    public abstract GradientSet Pushforward(Tensor u);
}

/// <summary>The operator through libtorch's graph: any model, any local training, any device.</summary>
public sealed class GraphLinearization : Linearization
{
    private readonly Tensor images;
    private readonly Tensor targets;
    private readonly IReadOnlyList<Tensor> update;

    /// <param name="layout">The model's parameters.</param>
    /// <param name="images">Images in [0,1], shape [B,C,H,W].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    /// <param name="train">Local training: builds the differentiable update, one tensor for each parameter.</param>
    public GraphLinearization(TensorLayout layout, Tensor images, Tensor targets, Func<Tensor, Tensor, IReadOnlyList<Tensor>> train)
    {
        this.images = images.detach().requires_grad_();
        this.targets = targets.detach().requires_grad_();
        update = train(this.images, this.targets);
        Value = GradientSet.Gather(layout, [.. update.Select(part => part.detach())]);
    }

    public override GradientSet Value { get; }

    public override (Tensor Images, Tensor Targets) Pullback(GradientSet v)
    {
        var products = Differentiate.Products(update, [images, targets], v.Split());
        return (products[0], products[1]);
    }

    public override GradientSet Pushforward(Tensor u)
    {
        // J'v is linear in v, so differentiating <J'v, u> with respect to v gives Ju.
        var v = update.Select(part => zeros_like(part).requires_grad_()).ToArray();
        var pullback = Differentiate.Products(update, [images], v, graph: true);
        return GradientSet.Gather(Value.Layout, Differentiate.Products(pullback, v, [u]));
    }
}
