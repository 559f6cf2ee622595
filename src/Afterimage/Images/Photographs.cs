namespace Afterimage.Images;

/// <summary>
/// Photographs as such, without any data: power falls with the square of the frequency (Field, 1987; Ruderman, 1997) and lies mostly in
/// brightness. Images of other than three channels have independent ones.
/// </summary>
/// <param name="shape">Of one image.</param>
[Cites("field1987relations", "ruderman1997origins")]
public sealed class Photographs(ImageShape shape)
    : CosineImages(shape, "1/f^2", full([1, shape.Channels, shape.Height, shape.Width], 0.5, ScalarType.Float64),
        Tidy.Keep(() => Roots(shape)))
{
    /// <summary>Of pixels in [0,1], the mean over all of them, and what is added at every frequency.</summary>
    internal const double PixelVariance = 0.06, FloorVariance = 1e-6;

    /// <summary>Rows: brightness, red against blue, green against both; orthogonal, not normalized.</summary>
    internal static double[][] Opponents => [[1, 1, 1], [1, 0, -1], [1, -2, 1]];

    /// <summary>How the variance is shared by them.</summary>
    internal static double[] Shares => [0.925, 0.06, 0.015];

    private static Tensor Roots(ImageShape shape)
    {
        var power = 1 / CosineTransform.SquaredFrequencies(shape.Height, shape.Width);
        power = power * (PixelVariance * shape.Height * shape.Width / power.sum());
        var roots = zeros([shape.Channels, shape.Channels, shape.Height, shape.Width], ScalarType.Float64);
        for (var i = 0; i < shape.Channels; i++)
        {
            var opponents = shape.Channels == 3;
            var variance = power * (opponents ? 3 * Shares[i] : 1) + FloorVariance;
            var length = opponents ? Math.Sqrt(Opponents[i].Sum(value => value * value)) : 1;
            for (var o = 0; o < shape.Channels; o++)
                if (opponents || o == i)
                    roots[o, i].copy_(variance.sqrt() * (opponents ? Opponents[i][o] / length : 1));
        }
        return roots;
    }
}
