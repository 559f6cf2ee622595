namespace Afterimage.Models;

/// <summary>Squared distance of logits and targets, one term for each image and class, as PyTorch's MSELoss.</summary>
public sealed record MeanSquared : Loss
{
    public override Link? Link => Models.Link.Identity;

    public override double Slope => 2;

    protected override Tensor Sum(Tensor logits, Tensor targets)
    {
        var gap = logits - targets;
        return (gap * gap).sum();
    }

    protected override int Terms(int classes) => classes;
}
