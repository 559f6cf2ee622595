using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>
/// The labels of recovered images: with their features H the head's gradient (P - Y)' H / B is a linear equation for Y, so each
/// image gets its own label whatever the others' are.
/// </summary>
internal static class HeadLabels
{
    /// <param name="chain">A network that ends in a linear head.</param>
    /// <param name="images">Network inputs of shape [B,C,H,W].</param>
    public static Labels Of(LayerChain chain, Tensor images)
    {
        var batch = images.shape[0];
        var values = chain.Activations(images);
        var features = values[^2];
        var gradient = chain.Head.WeightGradient!;
        if (chain.Head.BiasGradient is { } bias)
            (features, gradient) = (cat([features, ones([batch, 1], ScalarType.Float64)], 1), cat([gradient, bias.unsqueeze(1)], 1));
        var logitGradients = batch * gradient.matmul(Factorization.PseudoInverse(features, "The matrix of features", 1e-9)).t();
        var (confidence, classes) = (values[^1].softmax(1) - logitGradients).max(1);
        var sure = confidence.data<double>().Select(p => Math.Clamp(p, 0, 1)).ToValueList();
        return new(classes.data<long>().Select(c => (int)c).ToValueList(), sure);
    }
}
