namespace Afterimage.Images;

/// <summary>Mean, and at every frequency the covariance of the channels, measured on public images.</summary>
/// <param name="images">[N,C,H,W].</param>
internal sealed class PublicSpectrum(ImageShape shape, Tensor images)
    : CosineImages(shape, $"{images.shape[0]} public images", images.mean([0], keepdim: true), Tidy.Keep(() => Roots(images)))
{
    private static Tensor Roots(Tensor images)
    {
        var centered = images - images.mean([0], keepdim: true);
        var spectra = new CosineTransform(images.shape[2], images.shape[3]).Forward(centered).permute(2, 3, 0, 1);
        var covariance = spectra.transpose(-1, -2).matmul(spectra) / images.shape[0];
        var (variances, directions) = Factorization.Eigen(covariance, "The covariance of the public images");
        return (directions * (variances.clamp_min(0) + Photographs.FloorVariance).sqrt().unsqueeze(-2)).permute(2, 3, 0, 1).contiguous();
    }
}
