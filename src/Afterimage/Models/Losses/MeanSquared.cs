namespace Afterimage.Models;

/// <summary>Squared difference of logits and targets with one term for each image and class, PyTorch's MSELoss.</summary>
public sealed record MeanSquared : Loss
{
    /// <inheritdoc/>
    public override Link? Link => Models.Link.Identity;

    /// <inheritdoc/>
    public override double Slope => 2;

    /// <inheritdoc/>
    protected override Tensor Sum(Tensor logits, Tensor targets)
    {
        var gap = logits - targets;
        return (gap * gap).sum();
    }

    /// <inheritdoc/>
    protected override int Terms(int classes) => classes;
}
