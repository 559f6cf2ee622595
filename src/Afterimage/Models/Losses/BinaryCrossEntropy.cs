namespace Afterimage.Models;

/// <summary>
/// Cross-entropy of sigmoid probabilities and targets, one term for each image and class, as PyTorch's BCEWithLogitsLoss: for labels that
/// do not exclude one another, and for two classes with one logit.
/// </summary>
public sealed record BinaryCrossEntropy : Loss
{
    public override Link? Link => Models.Link.Sigmoid;

    protected override Tensor Sum(Tensor logits, Tensor targets) => -(nn.functional.logsigmoid(-logits) + targets * logits).sum();

    protected override int Terms(int classes) => classes;
}
