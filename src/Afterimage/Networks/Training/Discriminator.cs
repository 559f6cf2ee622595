namespace Afterimage.Networks;

/// <summary>
/// The judge of images in adversarial training: residual blocks of two 3x3 convolutions with leaky ReLU, which halve the side, and
/// a linear head that looks at the row of the image's class.
/// </summary>
/// <param name="shape">The generator that it judges; it has the same widths.</param>
internal sealed class Discriminator(StyleShape shape)
{
    private const double Leak = 0.2;
    private static readonly double Gain = Math.Sqrt(2 / (1 + Leak * Leak)), Half = Math.Sqrt(0.5);
    private readonly int[] sides = [.. shape.Sides.Reverse()];

    public TensorLayout Layout => new(Tensors());

    private IEnumerable<(string, long[])> Tensors()
    {
        yield return ("rgb.weight", [shape.ChannelsAt(sides[0]), shape.Channels, 1, 1]);
        yield return ("rgb.bias", [shape.ChannelsAt(sides[0])]);
        foreach (var side in sides[..^1])
        {
            var (inputs, outputs) = (shape.ChannelsAt(side), shape.ChannelsAt(side / 2));
            yield return ($"first{side}.weight", [inputs, inputs, 3, 3]);
            yield return ($"first{side}.bias", [inputs]);
            yield return ($"second{side}.weight", [outputs, inputs, 3, 3]);
            yield return ($"second{side}.bias", [outputs]);
            yield return ($"skip{side}.weight", [outputs, inputs, 1, 1]);
        }
        var (last, channels) = (sides[^1], shape.ChannelsAt(sides[^1]));
        yield return ("last.weight", [channels, channels, 3, 3]);
        yield return ("last.bias", [channels]);
        yield return ("head.weight", [Math.Max(1, shape.Classes), channels * last * last]);
    }

    /// <summary>Weights of a network to be trained.</summary>
    public Tensor Initial(RandomSource random) => InitialWeights.Normal(Layout, random,
        name => name.StartsWith("skip", StringComparison.Ordinal) || name.StartsWith("head", StringComparison.Ordinal) ? 1 : Gain);

    /// <summary>How real images look, [B].</summary>
    /// <param name="parameters">The weights.</param>
    /// <param name="images">[B,C,H,W], pixels in [-1,1].</param>
    /// <param name="classes">Probabilities [B,classes]; null where there are none.</param>
    public Tensor Scores(ParameterViews parameters, Tensor images, Tensor? classes)
    {
        Tensor Convolved(Tensor maps, string layer) => nn.functional.leaky_relu(
            nn.functional.conv2d(maps, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"], padding: [1L, 1]), Leak);
        var features = nn.functional.leaky_relu(
            nn.functional.conv2d(images, parameters["rgb.weight"], parameters["rgb.bias"]), Leak);
        foreach (var side in sides[..^1])
        {
            // At the smaller side a convolution costs a quarter.
            var changed = Convolved(Resizing.Halved(Convolved(features, $"first{side}")), $"second{side}");
            var kept = nn.functional.conv2d(Resizing.Halved(features), parameters[$"skip{side}.weight"]);
            features = (changed + kept) * Half;
        }
        features = Convolved(features, "last").flatten(1);
        var scores = nn.functional.linear(features, parameters["head.weight"]);
        return (classes is null ? scores : scores * classes).sum([1]);
    }
}
