namespace Afterimage.Attacks;

/// <summary>
/// What the head's gradient says of a batch whose features are known: dL/dW = P'F gives the labels, and softmax with them dL/d logits.
/// </summary>
/// <param name="LogitGradient">P, [B,classes].</param>
/// <param name="Labels">Of every image.</param>
/// <param name="Residual">What is left of dL/dW, relative.</param>
internal sealed record JointHead(Tensor LogitGradient, int[] Labels, double Residual)
{
    /// <summary>Beyond this the loss is another than the mean cross-entropy, and dL/d logits is what fits dL/dW.</summary>
    private const double Likeness = 1e-3;

    /// <summary>What the mean cross-entropy of these labels leaves of dL/dW, relative, even if the client lowered another loss.</summary>
    public double OfCrossEntropy { get; private init; }

    /// <param name="head">The last linear layer.</param>
    /// <param name="features">What enters it, [B,features].</param>
    public static JointHead Of(Stage head, Tensor features)
    {
        var fitted = Factorization.LeastSquares(features.t(), head.WeightGradient!.t(), "The features in front of the head");
        var labels = fitted.argmin(1);
        var logits = head.Map.Apply(head.Weight!, features, head.Bias);
        var computed = (logits.softmax(1) - nn.functional.one_hot(labels, logits.shape[1])) / features.shape[0];
        double Left(Tensor gradient) =>
            ((gradient.t().matmul(features) - head.WeightGradient!).norm() / head.WeightGradient!.norm()).ToDouble();
        var (exact, free) = (Left(computed), Left(fitted));
        var (gradient, residual) = exact < Math.Max(Likeness, free) ? (computed, exact) : (fitted, free);
        return new(gradient, [.. labels.data<long>().Select(label => (int)label)], residual) { OfCrossEntropy = exact };
    }
}
