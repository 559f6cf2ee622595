namespace Afterimage.Numerics;

/// <summary>The operator where it depends on more unknowns than the batch, at one point.</summary>
public abstract class JointLinearization
{
    /// <summary>A(x) at these unknowns.</summary>
    public abstract GradientSet Value { get; }

    /// <summary>J'v: derivatives with respect to the batch and to the other unknowns, one flat vector.</summary>
    public abstract (Batch Batch, Tensor Values) Pullback(GradientSet v);
}

/// <summary>Through libtorch's graph.</summary>
public sealed class GraphJointLinearization : JointLinearization
{
    private readonly Batch batch;
    private readonly Tensor values;
    private readonly IReadOnlyList<Tensor> update;

    /// <summary>Runs the training and keeps its graph.</summary>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="batch">Where to linearize.</param>
    /// <param name="values">The other unknowns, one flat vector.</param>
    /// <param name="train">The differentiable update, one tensor for each parameter.</param>
    public GraphJointLinearization(TensorLayout layout, Batch batch, Tensor values,
        Func<Batch, Tensor, IReadOnlyList<Tensor>> train)
    {
        (this.batch, this.values) = (batch.Leaves(), values.detach().requires_grad_());
        update = train(this.batch, this.values);
        Value = GradientSet.Gather(layout, [.. update.Select(part => part.detach())]);
    }

    /// <inheritdoc/>
    public override GradientSet Value { get; }

    /// <inheritdoc/>
    public override (Batch Batch, Tensor Values) Pullback(GradientSet v)
    {
        var products = Differentiate.Products(update, [batch.Inputs, batch.Targets, values], v.Split());
        return (new(products[0], products[1]), products[2]);
    }
}
