using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// Multi-scale structural similarity (Wang, Simoncelli and Bovik, 2003): contrast and pattern on every scale, brightness on the coarsest,
/// each to the power of its published weight; the weights of the scales that the size allows are divided by their sum. A negative factor
/// counts as 0.
/// </summary>
/// <param name="shape">The shape of the images, which decides how many scales there are.</param>
[Cites("wang2003multiscale")]
public sealed record MultiScaleSimilarity(ImageShape shape) : Metric
{
    /// <summary>The metric's key in reports.</summary>
    public const string Key = "ms-ssim";

    /// <summary>Pixels that the shorter side of the coarsest scale has at least.</summary>
    private const int Coarsest = 11;

    private static readonly ImmutableArray<double> Weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

    /// <inheritdoc/>
    public override string Name => Key;

    /// <inheritdoc/>
    public override bool HigherIsBetter => true;

    /// <inheritdoc/>
    public override double Optimum => 1;

    /// <inheritdoc/>
    public override string Summary => $"Structural similarity over {Scales(shape)} scales, each half the size of the one before, of " +
        $"{shape.Height} x {shape.Width} pixels; 1 is the same image.";

    /// <summary>
    /// Scales that images of a size have: 5 from 176 pixels of the shorter side on, then 4, 3 and, from 22 pixels on, 2; 1 is SSIM itself.
    /// </summary>
    public static int Scales(ImageShape shape)
    {
        var (side, scales) = (Math.Min(shape.Height, shape.Width), 1);
        while (scales < Weights.Length && side / 2 >= Coarsest)
            (side, scales) = (side / 2, scales + 1);
        return scales;
    }

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen)
    {
        var scales = Scales(truth.Shape);
        var total = Weights.Take(scales).Sum();
        var product = 1.0;
        for (var scale = 0; scale < scales; scale++)
        {
            var (whole, structure) = StructuralSimilarity.Between(truth, seen);
            product *= Math.Pow(Math.Max(0, scale == scales - 1 ? whole : structure), Weights[scale] / total);
            if (scale < scales - 1)
                (truth, seen) = (Halved(truth), Halved(seen));
        }
        return product;
    }

    /// <summary>Means of 2 x 2 pixels; an odd last row or column is left out.</summary>
    private static Image Halved(Image image)
    {
        var small = image.Shape with { Height = image.Shape.Height / 2, Width = image.Shape.Width / 2 };
        var pixels = new float[small.Count];
        for (var channel = 0; channel < small.Channels; channel++)
        {
            var from = image.Channel(channel);
            for (var row = 0; row < small.Height; row++)
                for (var column = 0; column < small.Width; column++)
                {
                    var at = 2 * row * image.Shape.Width + 2 * column;
                    pixels[(channel * small.Height + row) * small.Width + column] =
                        (from[at] + from[at + 1] + from[at + image.Shape.Width] + from[at + image.Shape.Width + 1]) / 4;
                }
        }
        return new(small, pixels);
    }
}
