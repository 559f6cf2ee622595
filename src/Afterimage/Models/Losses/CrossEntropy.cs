namespace Afterimage.Models;

/// <summary>Cross-entropy of softmax and label probabilities with one term for each image, PyTorch's CrossEntropyLoss.</summary>
public sealed record CrossEntropy : Loss
{
    /// <summary>Label smoothing in [0,1): the share of every label that is spread evenly over all classes.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Smoothing { get; init; }

    /// <inheritdoc/>
    public override Link? Link => Models.Link.Softmax;

    /// <inheritdoc/>
    public override double Kept => 1 - Smoothing;

    /// <inheritdoc/>
    protected override Tensor Sum(Tensor logits, Tensor targets) => -(targets * nn.functional.log_softmax(logits, 1)).sum();

    /// <inheritdoc/>
    protected override int Terms(int classes) => 1;
}
