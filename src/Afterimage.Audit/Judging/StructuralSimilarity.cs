using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// Structural similarity (Wang et al., 2004) with a Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03 and data range 1,
/// averaged over the windows that lie inside the image and over channels.
/// </summary>
public sealed record StructuralSimilarity : Metric
{
    private const double Sigma = 1.5, C1 = 0.01 * 0.01, C2 = 0.03 * 0.03;

    /// <inheritdoc/>
    public override string Name => "ssim";

    /// <inheritdoc/>
    public override bool HigherIsBetter => true;

    /// <inheritdoc/>
    public override double Optimum => 1;

    /// <inheritdoc/>
    public override string Summary =>
        "Structural similarity of brightness, contrast and pattern in small windows: 1 is the same image, 0 an unrelated one.";

    /// <summary>
    /// The side of the window: 11 pixels, 7 where the image is smaller than 33 pixels, and the largest odd number that fits
    /// where it is smaller than 7.
    /// </summary>
    public static int WindowFor(ImageShape shape)
    {
        var side = Math.Min(shape.Height, shape.Width);
        return side >= 33 ? 11 : Math.Min(7, side - (side + 1) % 2);
    }

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen) => Between(truth, seen).Whole;

    /// <summary>The similarity, and its part without brightness: contrast and pattern alone.</summary>
    internal static (double Whole, double Structure) Between(Image truth, Image seen)
    {
        var window = Gaussian(WindowFor(truth.Shape));
        var (whole, structure) = (0.0, 0.0);
        for (var channel = 0; channel < truth.Shape.Channels; channel++)
        {
            var found = Channel(truth.Channel(channel), seen.Channel(channel), truth.Shape.Width, window);
            (whole, structure) = (whole + found.Whole, structure + found.Structure);
        }
        return (whole / truth.Shape.Channels, structure / truth.Shape.Channels);
    }

    private static double[] Gaussian(int side)
    {
        var weights = new double[side];
        for (var i = 0; i < side; i++)
            weights[i] = Math.Exp(-Math.Pow((i - side / 2) / Sigma, 2) / 2);
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    private static (double Whole, double Structure) Channel(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int width, double[] window)
    {
        var meanX = Blur(x, x, width, window, square: false);
        var meanY = Blur(y, y, width, window, square: false);
        var squareX = Blur(x, x, width, window, square: true);
        var squareY = Blur(y, y, width, window, square: true);
        var product = Blur(x, y, width, window, square: true);
        var (whole, structure) = (0.0, 0.0);
        for (var i = 0; i < meanX.Length; i++)
        {
            var (mx, my) = (meanX[i], meanY[i]);
            var covariance = product[i] - mx * my;
            var variances = squareX[i] - mx * mx + (squareY[i] - my * my);
            whole += (2 * mx * my + C1) * (2 * covariance + C2) / ((mx * mx + my * my + C1) * (variances + C2));
            structure += (2 * covariance + C2) / (variances + C2);
        }
        return (whole / meanX.Length, structure / meanX.Length);
    }

    /// <summary>The weighted mean of x, or of x times y, in every window inside the image; the window is separable.</summary>
    private static double[] Blur(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int width, double[] window, bool square)
    {
        var height = x.Length / width;
        var (across, down) = (width - window.Length + 1, height - window.Length + 1);
        var rows = new double[height * across];
        for (var row = 0; row < height; row++)
            for (var column = 0; column < across; column++)
            {
                var sum = 0.0;
                for (var k = 0; k < window.Length; k++)
                {
                    var at = row * width + column + k;
                    sum += window[k] * (square ? (double)x[at] * y[at] : x[at]);
                }
                rows[row * across + column] = sum;
            }
        var blurred = new double[down * across];
        for (var row = 0; row < down; row++)
            for (var column = 0; column < across; column++)
            {
                var sum = 0.0;
                for (var k = 0; k < window.Length; k++)
                    sum += window[k] * rows[(row + k) * across + column];
                blurred[row * across + column] = sum;
            }
        return blurred;
    }
}
