namespace Afterimage.Attacks;

/// <summary>
/// The end of a residual network from the input of one of the last convolutions, found blindly up to its scale: dL/dz of the very last is
/// the head's gradient where the last ReLU is on and zero elsewhere.
/// </summary>
/// <param name="body">From the convolution whose input is known on, the last one of the last unit at the end.</param>
/// <param name="featureGradient">dL/d of what leaves the last unit, [1,*Leaving].</param>
internal sealed class BlindEnd(IReadOnlyList<RectifiedBlock> body, Tensor featureGradient)
{
    private const int Turns = 20;

    private readonly RectifiedBlock last = body[^1];

    /// <summary>What the last convolution takes in, where the last ReLU is on, and how far its dL/dz is from the head's gradient.</summary>
    /// <param name="input">Of the first convolution, up to its scale.</param>
    public (Tensor Inner, Tensor On, double Difference) Scaled(Tensor input)
    {
        double Difference(double scale)
        {
            using var scope = Tidy.Scope();
            return Compare(Inner(input * scale), 1).Difference;
        }
        var (guess, on, difference) = Compare(Inner(input), null);
        if (body.Count == 1 || last.Group is not null)
            return (Inner(input * guess), on, difference);
        // Without BatchNorm's shifts what the last convolution takes in is proportional to the scale.
        var (scale, _) = ScaleSearch.Least(guess, Difference);
        var inner = Inner(input * scale);
        (_, on, difference) = Compare(inner, 1);
        return (inner, on, difference);
    }

    private Tensor Inner(Tensor input) => body.SkipLast(1).Aggregate(input, (x, block) => block.Forward(x));

    /// <param name="inner">What the last convolution takes in, up to a scale.</param>
    /// <param name="known">The scale; null where it is looked for.</param>
    private (double Scale, Tensor On, double Difference) Compare(Tensor inner, double? known)
    {
        var arriving = last.WeightGradient.flatten(1)
            .matmul(Factorization.PseudoInverse(last.Map.Patches(inner).t(), "The set of patches")).reshape([1, .. last.Output]);
        var point = last.Group?.At(last.Map.Apply(last.Weight, inner, last.Bias));
        var shares = DecodedLayer.Gates(last, point, arriving, featureGradient);
        var weights = (featureGradient * last.Scale).square();
        var scale = known ?? shares.max().ToDouble();
        var on = shares;
        for (var turn = 0; turn < Turns; turn++)
        {
            on = (shares > scale / 2).to(ScalarType.Float64);
            scale = known ?? ((shares * weights * on).sum() / (weights * on).sum()).ToDouble();
        }
        var difference = (((shares / scale - on).square() * weights).sum() / (weights * on).sum()).sqrt().ToDouble();
        return (scale, on, difference);
    }
}
