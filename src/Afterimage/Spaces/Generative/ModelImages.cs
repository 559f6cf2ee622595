namespace Afterimage.Spaces;

/// <summary>
/// Brings images of a trained network to the victim's shape: gray is the mean of the colors, and a large pixel that of the small ones.
/// </summary>
/// <param name="shape">[B,C,H,W] of the victim's batch.</param>
internal sealed class ModelImages(long[] shape)
{
    /// <summary>[B,c,h,w] to the victim's shape.</summary>
    public Tensor Fit(Tensor images)
    {
        var (channels, height, width) = (shape[1], shape[2], shape[3]);
        if (images.shape[1] != channels)
            images = images.mean([1], keepdim: true).expand(-1, channels, -1, -1);
        if (images.shape[2] == height && images.shape[3] == width)
            return images;
        return height <= images.shape[2] && width <= images.shape[3]
            ? nn.functional.adaptive_avg_pool2d(images, [height, width])
            : nn.functional.interpolate(images, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
    }
}
