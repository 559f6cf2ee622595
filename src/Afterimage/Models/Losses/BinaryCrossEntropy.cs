namespace Afterimage.Models;

/// <summary>
/// Cross-entropy of sigmoid probabilities and targets with one term for each image and class, PyTorch's BCEWithLogitsLoss. It
/// serves labels that do not exclude one another, and two classes with one logit.
/// </summary>
public sealed record BinaryCrossEntropy : Loss
{
    /// <inheritdoc/>
    public override Link? Link => Models.Link.Sigmoid;

    /// <inheritdoc/>
    protected override Tensor Sum(Tensor logits, Tensor targets) => -(nn.functional.logsigmoid(-logits) + targets * logits).sum();

    /// <inheritdoc/>
    protected override int Terms(int classes) => classes;
}
