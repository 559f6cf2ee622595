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
    /// <summary>Values that come out of a ReLU are zero below so many deviations of their noise.</summary>
    private const double Doubtless = 5;

    /// <summary>Errors below this share are rounding.</summary>
    private const double Exact = 1e-6;

    /// <summary>The layer nearest to the image.</summary>
    public Stage First => Hidden is [var first, ..] ? first : Head;

    /// <summary>What enters the first of these layers or the pooling.</summary>
    /// <exception cref="AfterimageException">No gradient passes one of them.</exception>
    public TailReading Read(HeadReading reading)
    {
        var known = Through(Head, reading.LogitGradient);
        foreach (var stage in Hidden.Reverse())
            // The gradient of a bias is dL/dz itself.
            known = Through(stage, stage.BiasGradient?.view(1, -1) ?? known.Gradient * (known.Features > 1e-6 * known.Features.max()));
        var error = known.Error > Exact * known.Features.square().mean().sqrt().ToDouble() ? known.Error : 0;
        if (Spread is null)
            return known with { Error = error };
        var inverse = Factorization.PseudoInverse(Spread, "The matrix of an adaptive pooling");
        return new(known.Features.reshape(-1, Spread.shape[1]).matmul(inverse),
            known.Gradient.reshape(-1, Spread.shape[1]).matmul(Spread.t()), error);
    }

    private static TailReading Through(Stage stage, Tensor arriving)
    {
        var gradient = stage.WeightGradient!;
        if (!(arriving.norm().ToDouble() > 0))
            throw new AfterimageException("No gradient passes the linear layer of " +
                $"{stage.Layer.Parameters.First().Name}, so nothing in front of it can be read: use an update of another round.");
        // Of the direction of dL/dz the weight gradient knows more than that of the bias, where both carry noise.
        var (sharper, input, noise, _) = OuterProduct.Of(gradient, arriving);
        var size = (arriving * sharper).sum() / sharper.square().sum();
        (sharper, input) = (sharper * size, input / size);
        var error = noise / sharper.norm().ToDouble();
        return new(input * (input > Doubtless * error), sharper.matmul(stage.Weight!), error);
    }
}

/// <summary>What linear layers say of the features that enter them.</summary>
/// <param name="Features">[1,features]; zero where noise hides them.</param>
/// <param name="Gradient">dL/d features.</param>
/// <param name="Error">Standard deviation of a feature; 0 where they are exact to rounding.</param>
internal sealed record TailReading(Tensor Features, Tensor Gradient, double Error);
