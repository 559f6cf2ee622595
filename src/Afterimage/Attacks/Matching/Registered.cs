using Afterimage.Priors;

namespace Afterimage.Attacks;

/// <summary>
/// Brings one image onto another: by phase correlation (Kuglin and Hines, 1975) in all channels together, to fractions of a pixel.
/// </summary>
[Cites("kuglin1975phase")]
internal static class Registered
{
    /// <summary>The moved image, or the image itself where moving it brings it no nearer to the reference.</summary>
    /// <param name="reference">[C,H,W].</param>
    /// <param name="image">[C,H,W].</param>
    /// <param name="registration">Which movements are tried.</param>
    public static Tensor Onto(Tensor reference, Tensor image, Registration registration)
    {
        var candidates = new List<Tensor> { image };
        if (registration != Registration.None)
            candidates.Add(Moved(image, Shift(reference, image)));
        if (registration == Registration.TranslationAndFlip && image.flip(2) is { } mirrored)
            candidates.Add(Moved(mirrored, Shift(reference, mirrored)));
        return candidates.MinBy(candidate => (candidate - reference).square().mean().ToDouble())!;
    }

    /// <summary>How many pixels down and right an image must move to lie on the reference; at most a quarter of the side.</summary>
    public static (double Down, double Right) Shift(Tensor reference, Tensor image)
    {
        // The window stays where it is while the image moves, which favors small shifts: what is left is looked for again.
        const int Passes = 4;
        var (down, right) = (0.0, 0.0);
        for (var pass = 0; pass < Passes; pass++)
        {
            var (further, aside) = Step(reference, pass == 0 ? image : Moved(image, (down, right)));
            down = Math.Clamp(down + further, -image.shape[1] / 4.0, image.shape[1] / 4.0);
            right = Math.Clamp(right + aside, -image.shape[2] / 4.0, image.shape[2] / 4.0);
        }
        return (down, right);
    }

    private static (double Down, double Right) Step(Tensor reference, Tensor image)
    {
        var (height, width) = (image.shape[1], image.shape[2]);
        var window = Hann(height, image).unsqueeze(1) * Hann(width, image).unsqueeze(0);
        var (fixedSpectrum, movingSpectrum) = (fft.fft2(Centered(reference, window)), fft.fft2(Centered(image, window)));
        var cross = (fixedSpectrum * movingSpectrum.conj()).sum([0]);
        // A gaussian in place of all frequencies alike: the peak is one as well, whose logarithm is a parabola.
        var phase = cross / (cross.abs() + 1e-12) * Gaussian(height, image).unsqueeze(1) * Gaussian(width, image).unsqueeze(0);
        var correlation = fft.ifft2(phase).real.to(ScalarType.Float64).cpu();
        var values = correlation.contiguous().data<double>().ToArray();
        var (best, down, right) = (double.NegativeInfinity, 0L, 0L);
        for (var y = -height / 4; y <= height / 4; y++)
            for (var x = -width / 4; x <= width / 4; x++)
                if (At(y, x) > best)
                    (best, down, right) = (At(y, x), y, x);
        return (down + Peak(At(down - 1, right), best, At(down + 1, right)), right + Peak(At(down, right - 1), best, At(down, right + 1)));

        double At(long y, long x) => values[(y + height) % height * width + (x + width) % width];
    }

    /// <summary>The image moved by fractions of pixels, linear between pixels; what comes in at a border repeats it.</summary>
    public static Tensor Moved(Tensor image, (double Down, double Right) shift) =>
        Interpolation(image.shape[1], shift.Down, image).matmul(image).matmul(Interpolation(image.shape[2], shift.Right, image).t());

    private static Tensor Centered(Tensor image, Tensor window) => (image - image.mean([1, 2], keepdim: true)) * window;

    private static Tensor Hann(long size, Tensor like) =>
        (((arange(size, ScalarType.Float64) + 0.5) * (2 * Math.PI / size)).cos() * -0.5 + 0.5).to(like.dtype, like.device);

    private static Tensor Gaussian(long size, Tensor like)
    {
        const double Width = 0.2;
        var frequency = fft.fftfreq(size).to(ScalarType.Float64);
        return (frequency.square() * (-1 / (2 * Width * Width))).exp().to(like.dtype, like.device);
    }

    /// <summary>Where between -1/2 and 1/2 the parabola through three logarithms has its top.</summary>
    private static double Peak(double before, double top, double after)
    {
        if (!(before > 0 && after > 0 && top > 0))
            return 0;
        var (left, middle, right) = (Math.Log(before), Math.Log(top), Math.Log(after));
        var bend = left - 2 * middle + right;
        return bend < 0 ? Math.Clamp((left - right) / (2 * bend), -0.5, 0.5) : 0;
    }

    private static Tensor Interpolation(long size, double shift, Tensor like)
    {
        var weights = new double[size, size];
        for (var i = 0L; i < size; i++)
        {
            var from = Math.Clamp(i - shift, 0, size - 1);
            var left = Math.Min((long)from, Math.Max(0, size - 2));
            weights[i, left] += 1 - (from - left);
            if (left + 1 < size)
                weights[i, left + 1] += from - left;
        }
        return tensor(weights).to(like.dtype, like.device);
    }
}
