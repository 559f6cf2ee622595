namespace Afterimage.Attacks;

/// <summary>
/// How large the images of a batch are about the image that the network takes for zero, which BatchNorm in train mode behind the first
/// convolution hides. Files keep pixels in 256 steps, which tells it to a thousandth; of images that were not kept so it is taken that
/// some pixel is black or white.
/// </summary>
/// <param name="Factor">On the difference of the images from that one.</param>
/// <param name="IsRead">Whether the steps of pixels told it.</param>
internal sealed record HiddenContrast(double Factor, bool IsRead)
{
    private const double Steps = 255;

    /// <summary>Factors that are tried lie this far around the widest that stays in [0,1], in so many steps of this size.</summary>
    private const double Range = 1.6, Width = 2e-4;

    /// <summary>Pixels beyond black and white that a factor may have.</summary>
    private const double Beyond = 1e-3;

    /// <summary>Of the mean square distance from a step that chance gives, what is none any more.</summary>
    private const double Likely = 0.5;

    /// <summary>Pixels that are looked at.</summary>
    private const int Most = 4096;

    /// <param name="images">[B,C,H,W], not cut off.</param>
    /// <param name="center">The image that the network takes for zero, [1,C,1,1] or larger.</param>
    public static HiddenContrast Of(Tensor images, Tensor center)
    {
        using var scope = Tidy.Scope();
        var values = images - center;
        var room = where(values > 0, 1 - center, center) / values.abs().clamp_min(1e-9);
        var widest = room.flatten().topk((int)(Beyond * room.numel()) + 1, largest: false).values.max().ToDouble();
        var every = Math.Max(1, values.numel() / Most);
        var (some, middle) = (values.flatten()[TensorIndex.Slice(null, null, every)],
            center.expand_as(values).flatten()[TensorIndex.Slice(null, null, every)]);
        double Distance(double factor)
        {
            using var inner = Tidy.Scope();
            var pixels = (middle + some * factor) * Steps;
            return (pixels - pixels.round()).square().mean().ToDouble();
        }
        var tries = (int)(2 * Math.Log(Range) / Width);
        var best = Enumerable.Range(0, tries).Select(i => widest * Math.Exp(Width * i) / Range).MinBy(Distance);
        var (factor, left) = ScaleSearch.Near((best, Distance(best)), Width, Distance);
        return left < Likely / 12 ? new(factor, true) : new(widest, false);
    }
}
