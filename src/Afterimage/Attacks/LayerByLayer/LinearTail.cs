namespace Afterimage.Attacks;

/// <summary>
/// The end of a network: hidden linear layers with ReLU, and a linear head. For a single image dL/dW of a linear layer is the outer product
/// of dL/dz and its input, so that every one of them gives its input exactly (Phong et al., 2018), from the head down.
/// </summary>
/// <param name="Hidden">In order of execution.</param>
/// <param name="Head">The last layer.</param>
/// <param name="Spread">
/// An adaptive pooling in front of the first that keeps everything, as where it makes maps larger, [places before, places behind]; null
/// for none.
/// </param>
internal sealed record LinearTail(IReadOnlyList<Stage> Hidden, Stage Head, Tensor? Spread)
{
    /// <summary>What enters the first of these layers or the pooling, flat, and dL/d of it.</summary>
    /// <exception cref="AfterimageException">No gradient passes one of them.</exception>
    public (Tensor Features, Tensor Gradient) Read(HeadReading reading)
    {
        var (features, gradient) = Through(Head, reading.LogitGradient);
        foreach (var stage in Hidden.Reverse())
        {
            // The gradient of a bias is dL/dz itself.
            var arriving = stage.BiasGradient?.view(1, -1) ?? gradient * (features > 1e-6 * features.max());
            (features, gradient) = Through(stage, arriving);
        }
        return Spread is null ? (features, gradient)
            : (features.reshape(-1, Spread.shape[1]).matmul(Factorization.PseudoInverse(Spread, "The matrix of an adaptive pooling")),
                gradient.reshape(-1, Spread.shape[1]).matmul(Spread.t()));
    }

    private static (Tensor Input, Tensor Gradient) Through(Stage stage, Tensor arriving)
    {
        var square = arriving.square().sum();
        return square.ToDouble() > 0 ? (arriving.matmul(stage.WeightGradient!) / square, arriving.matmul(stage.Weight!))
            : throw new AfterimageException("No gradient passes the linear layer of " +
                $"{stage.Layer.Parameters.First().Name}, so nothing in front of it can be read: use an update of another round.");
    }
}
