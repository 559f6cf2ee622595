namespace Afterimage.Models;

/// <summary>Cross-entropy of softmax and label probabilities, one term for each image, as PyTorch's CrossEntropyLoss.</summary>
public sealed record CrossEntropy : Loss
{
    /// <summary>In [0,1): the share of every label that is spread evenly over all classes.</summary>
    public double Smoothing { get; init; }

    public override Link? Link => Models.Link.Softmax;

    public override double Kept => 1 - Smoothing;

    protected override Tensor Sum(Tensor logits, Tensor targets) => -(targets * nn.functional.log_softmax(logits, 1)).sum();

    protected override int Terms(int classes) => 1;
}
