using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>What the front of a network makes of a batch, as an operator: one entry of its value for every image.</summary>
/// <param name="front">From images to features, [N,features]; the operator owns it.</param>
/// <param name="layout">One entry for every image.</param>
/// <param name="scale">How features are compared.</param>
/// <param name="mode">How BatchNorm behaves; in train mode the images share their statistics.</param>
internal sealed class FeatureOperator(NetworkModel front, TensorLayout layout, FeatureScale scale, ModelMode mode) : ForwardOperator
{
    /// <inheritdoc/>
    public override string Name => "autograd";

    /// <summary>One entry for every image.</summary>
    public static TensorLayout Layout(long images, long features) =>
        new(Enumerable.Range(0, (int)images).Select(n => ($"image {n}", new[] { features })));

    /// <inheritdoc/>
    public override Linearization At(Batch batch) =>
        new GraphLinearization(layout, batch, own => scale.Of(front.Logits(own.Inputs, mode)).unbind(0));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            front.Dispose();
        base.Dispose(disposing);
    }
}
