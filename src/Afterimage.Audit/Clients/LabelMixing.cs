using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>
/// What a client does to images and labels before it trains: smoothing, which gives every class an equal share; mixup, which blends an
/// image with another of the data set and their labels with the same weight; and InstaHide, which blends several and flips pixels.
/// </summary>
[Cites("huang2020instahide")]
public sealed record LabelMixing
{
    /// <summary>Share of a label that is spread over all classes, in [0,1).</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Smoothing { get; init; }

    /// <summary>Parameter of the symmetric beta distribution of the blending weight, up to 8; 0 blends nothing.</summary>
    [Range(0, 1e6)]
    public double Mixup { get; init; }

    /// <summary>
    /// Images k that InstaHide (Huang et al., 2020) blends into one, the private one among them, from 2 to 16: with weights of at most 0.65
    /// that add up to 1, and then pixels, taken from -1 to 1, get random signs. 0 leaves images as they are. The private image stays what
    /// an attack is judged by; the network trains on the encrypted one.
    /// </summary>
    [Range(0, 16)]
    public int InstaHide { get; init; }

    internal PrivateBatch Apply(ImageSet images, IReadOnlyList<LabeledImage> shown, RandomSource random)
    {
        if (!(Smoothing is >= 0 and < 1) || !(Mixup is >= 0 and <= 8))
            throw new AfterimageException(
                $"Smoothing is a share in [0,1) and mixup a parameter in [0,8]; they are {Smoothing} and {Mixup}.");
        if (InstaHide == 1 || (InstaHide > 0 && Mixup > 0))
            throw new AfterimageException("InstaHide blends at least 2 images and does what mixup does: set \"instaHide\" to 2 or more, " +
                "and \"mixup\" to 0.");
        if (InstaHide > 1)
            return Encrypt(images, shown, random);
        var labels = shown.Select(image => image.Label).ToValueList();
        if (Smoothing == 0 && Mixup == 0)
            return new(images.Shape, [.. shown.Select(image => image.Pixels)], labels, images.ClassNames);
        var (classes, draw) = (images.ClassNames.Count, random.Managed());
        var (pixels, soft) = (new List<float[]>(), new List<double>());
        foreach (var image in shown)
        {
            var weight = Mixup > 0 ? Beta(draw) : 1;
            var other = weight < 1 ? images[draw.Next(images.Count)] : image;
            pixels.Add([.. image.Pixels.Zip(other.Pixels, (own, guest) => (float)(weight * own + (1 - weight) * guest))]);
            soft.AddRange(Enumerable.Range(0, classes).Select(c => Smoothing / classes
                + (1 - Smoothing) * ((c == image.Label ? weight : 0) + (c == other.Label ? 1 - weight : 0))));
        }
        var strongest = soft.Chunk(classes).Select(label => Array.IndexOf(label, label.Max())).ToValueList();
        return new(images.Shape, pixels, strongest, images.ClassNames) { Soft = soft.ToValueList() };
    }

    private PrivateBatch Encrypt(ImageSet images, IReadOnlyList<LabeledImage> shown, RandomSource random)
    {
        var (classes, draw) = (images.ClassNames.Count, random.Managed());
        var (pixels, soft) = (new List<float[]>(), new List<double>());
        foreach (var image in shown)
        {
            LabeledImage[] parts = [image, .. Enumerable.Range(1, InstaHide - 1).Select(_ => images[draw.Next(images.Count)])];
            var weights = Weights(draw);
            var blend = new float[image.Pixels.Length];
            for (var i = 0; i < blend.Length; i++)
            {
                var value = 2 * parts.Zip(weights, (part, weight) => weight * part.Pixels[i]).Sum() - 1;
                blend[i] = (float)Math.Clamp((1 + (draw.Next(2) == 0 ? value : -value)) / 2, 0, 1);
            }
            pixels.Add(blend);
            soft.AddRange(Enumerable.Range(0, classes).Select(c => Smoothing / classes
                + (1 - Smoothing) * parts.Zip(weights, (part, weight) => part.Label == c ? weight : 0).Sum()));
        }
        var strongest = soft.Chunk(classes).Select(label => Array.IndexOf(label, label.Max())).ToValueList();
        return new(images.Shape, [.. shown.Select(image => image.Pixels)], strongest, images.ClassNames)
        {
            Soft = soft.ToValueList(), Trained = new(images.Shape, pixels),
        };
    }

    /// <summary>Uniform numbers over their sum, drawn again until none exceeds the published bound.</summary>
    private double[] Weights(Random draw)
    {
        const double Largest = 0.65;
        while (true)
        {
            var drawn = Enumerable.Range(0, InstaHide).Select(_ => draw.NextDouble()).ToArray();
            if (drawn.Max() <= Largest * drawn.Sum())
                return [.. drawn.Select(one => one / drawn.Sum())];
        }
    }

    /// <summary>Jöhnk's rejection: two uniform numbers to the power 1/a whose sum is at most one.</summary>
    private double Beta(Random draw)
    {
        while (true)
        {
            var (x, y) = (Math.Pow(draw.NextDouble(), 1 / Mixup), Math.Pow(draw.NextDouble(), 1 / Mixup));
            if (x + y is > 0 and <= 1)
                return x / (x + y);
        }
    }
}
