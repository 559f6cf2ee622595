namespace Afterimage.Networks;

/// <summary>PSNR of a denoiser on images to which Gaussian noise is added.</summary>
public static class DenoisingQuality
{
    private const int AtOnce = 64;

    /// <summary>Mean PSNR in dB of denoised images clamped to [0,1]. Sigma is also the seed of the noise.</summary>
    /// <param name="denoiser">A denoiser, which is told the noise level.</param>
    /// <param name="clean">Images in [0,1], [B,C,H,W].</param>
    /// <param name="sigma">Standard deviation of the noise for pixels from 0 to 255.</param>
    public static double Psnr(Denoiser denoiser, Tensor clean, double sigma) =>
        Mean(clean, sigma, noisy => denoiser.Clean(noisy, sigma / 255));

    /// <summary>The mean PSNR in dB of the noisy images themselves.</summary>
    public static double NoisyPsnr(Tensor clean, double sigma) => Mean(clean, sigma, noisy => noisy);

    private static double Mean(Tensor clean, double sigma, Func<Tensor, Tensor> made)
    {
        using var generator = new RandomSource((ulong)sigma).Generator(CPU);
        var sum = 0.0;
        for (var from = 0L; from < clean.shape[0]; from += AtOnce)
        {
            using var scope = Tidy.Scope();
            var truth = clean.narrow(0, from, Math.Min(AtOnce, clean.shape[0] - from));
            var noisy = truth + randn(truth.shape, truth.dtype, CPU, generator: generator) * (sigma / 255);
            sum -= 10 * (made(noisy).clamp(0, 1) - truth).square().mean([1, 2, 3]).clamp_min(1e-20).log10().sum().ToDouble();
        }
        return sum / clean.shape[0];
    }
}
