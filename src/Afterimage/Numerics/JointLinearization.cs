namespace Afterimage.Numerics;

/// <summary>The operator where it depends on more unknowns than images and labels, at one point.</summary>
public abstract class JointLinearization
{
    /// <summary>A(x) at these unknowns.</summary>
    public abstract GradientSet Value { get; }

    /// <summary>J'v for images [B,C,H,W], targets [B,classes] and the other unknowns, one flat vector.</summary>
    public abstract (Tensor Images, Tensor Targets, Tensor Values) Pullback(GradientSet v);
}

/// <summary>Through libtorch's graph.</summary>
public sealed class GraphJointLinearization : JointLinearization
{
    private readonly Tensor[] unknowns;
    private readonly IReadOnlyList<Tensor> update;

    /// <param name="layout">The model's parameters.</param>
    /// <param name="images">Images in [0,1], shape [B,C,H,W].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    /// <param name="values">The other unknowns, one flat vector.</param>
    /// <param name="train">The differentiable update, one tensor for each parameter.</param>
    public GraphJointLinearization(TensorLayout layout, Tensor images, Tensor targets, Tensor values,
        Func<Tensor, Tensor, Tensor, IReadOnlyList<Tensor>> train)
    {
        unknowns = [.. new[] { images, targets, values }.Select(unknown => unknown.detach().requires_grad_())];
        update = train(unknowns[0], unknowns[1], unknowns[2]);
        Value = GradientSet.Gather(layout, [.. update.Select(part => part.detach())]);
    }

    public override GradientSet Value { get; }

    public override (Tensor Images, Tensor Targets, Tensor Values) Pullback(GradientSet v)
    {
        var products = Differentiate.Products(update, unknowns, v.Split());
        return (products[0], products[1], products[2]);
    }
}
