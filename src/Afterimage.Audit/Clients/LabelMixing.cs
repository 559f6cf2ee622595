using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>
/// What makes labels soft: smoothing, which gives every class an equal share, and mixup, which blends an image with another of the data
/// set and their labels with the same weight.
/// </summary>
public sealed record LabelMixing
{
    /// <summary>Share of a label that is spread over all classes, in [0,1).</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Smoothing { get; init; }

    /// <summary>Parameter of the symmetric beta distribution of the blending weight, up to 8; 0 blends nothing.</summary>
    [Range(0, 1e6)]
    public double Mixup { get; init; }

    internal PrivateBatch Apply(ImageSet images, IReadOnlyList<LabeledImage> shown, RandomSource random)
    {
        if (!(Smoothing is >= 0 and < 1) || !(Mixup is >= 0 and <= 8))
            throw new AfterimageException(
                $"Smoothing is a share in [0,1) and mixup a parameter in [0,8]; they are {Smoothing} and {Mixup}.");
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
