using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// The best PSNR over cyclic shifts of at most an eighth of each side and a horizontal flip of the reconstruction. Shifts and flips keep
/// the norm of an image, so the best shift is exactly the largest cross-correlation, which one Fourier transform gives for all of them.
/// </summary>
public sealed record RegisteredPsnr : Metric
{
    /// <summary>The metric's key in reports.</summary>
    public const string Key = "registered-psnr";

    private const int Part = 8;

    /// <summary>The largest value, in decibels.</summary>
    public double Ceiling { get; init; } = 100;

    /// <inheritdoc/>
    public override string Name => Key;

    /// <inheritdoc/>
    public override string Unit => "dB";

    /// <inheritdoc/>
    public override bool HigherIsBetter => true;

    /// <inheritdoc/>
    public override double Optimum => Ceiling;

    /// <inheritdoc/>
    public override string Summary => "The best PSNR over small cyclic shifts (an eighth of each side at most) and a horizontal flip: " +
        "an image that came back shifted or mirrored is still recognized.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var (shape, across) = (truth.Shape, truth.Shape.Width / Part);
        var down = shape.Height / Part;
        var spectrum = fft.fft2(Of(truth));
        var (best, at) = (double.NegativeInfinity, (Image: seen, Down: 0, Right: 0));
        foreach (var candidate in new[] { seen, Flipped(seen) })
        {
            // The correlation at (i, j) belongs to the reconstruction moved down by i and right by j.
            var correlation = fft.ifft2(spectrum * fft.fft2(Of(candidate)).conj()).real.sum([0]).contiguous().data<double>().ToArray();
            for (var row = -down; row <= down; row++)
                for (var column = -across; column <= across; column++)
                {
                    var place = (row + shape.Height) % shape.Height * shape.Width + (column + shape.Width) % shape.Width;
                    if (correlation[place] > best)
                        (best, at) = (correlation[place], (candidate, row, column));
                }
        }
        // Rounding of the transform must not make an image worse than it is where it lies.
        return Math.Min(Ceiling, -10 * Math.Log10(Math.Min(
            MeanSquaredError.Between(truth, Moved(at.Image, at.Down, at.Right)), MeanSquaredError.Between(truth, seen))));
    }

    private static Tensor Of(Image image) => tensor(image.Pixels.ToArray(), ScalarType.Float64)
        .view(image.Shape.Channels, image.Shape.Height, image.Shape.Width);

    private static Image Flipped(Image image)
    {
        var pixels = image.Pixels.ToArray();
        for (var row = 0; row < pixels.Length; row += image.Shape.Width)
            Array.Reverse(pixels, row, image.Shape.Width);
        return new(image.Shape, pixels);
    }

    private static Image Moved(Image image, int down, int right)
    {
        var shape = image.Shape;
        var from = image.Pixels;
        var pixels = new float[shape.Count];
        for (var channel = 0; channel < shape.Channels; channel++)
            for (var row = 0; row < shape.Height; row++)
                for (var column = 0; column < shape.Width; column++)
                    pixels[(channel * shape.Height + (row + down + shape.Height) % shape.Height) * shape.Width
                        + (column + right + shape.Width) % shape.Width] = from[(channel * shape.Height + row) * shape.Width + column];
        return new(shape, pixels);
    }
}
