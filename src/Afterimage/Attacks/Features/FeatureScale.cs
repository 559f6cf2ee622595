namespace Afterimage.Attacks;

/// <summary>
/// Features on the scale on which they are compared: each image's at length one, for a separation may not tell how large they are; less
/// the mean of each channel and relative to its deviation, for what all images share says nothing of one of them.
/// </summary>
/// <param name="Mean">[channels,1].</param>
/// <param name="Deviation">[channels,1].</param>
internal sealed record FeatureScale(Tensor Mean, Tensor Deviation)
{
    /// <summary>A deviation below this share of the mean one is that of a channel that hardly says anything.</summary>
    private const double Least = 0.05;

    /// <summary>That of the features that are wanted.</summary>
    /// <param name="wanted">[N,features], channel by channel.</param>
    /// <param name="channels">How many.</param>
    public static FeatureScale Of(Tensor wanted, long channels)
    {
        var parts = Unit(wanted).view(wanted.shape[0], channels, -1);
        var mean = parts.mean([0, 2]);
        var deviation = (parts - mean.view(1, -1, 1)).square().mean([0, 2]).sqrt();
        return new(mean.view(-1, 1), deviation.clamp_min(Least * deviation.mean().ToDouble()).view(-1, 1));
    }

    /// <summary>Features, [N,features], on this scale.</summary>
    public Tensor Of(Tensor features) => ((Unit(features).view(features.shape[0], Mean.shape[0], -1)
        - Mean.to(features.dtype, features.device)) / Deviation.to(features.dtype, features.device)).flatten(1);

    private static Tensor Unit(Tensor features) => features / features.norm(1, keepdim: true).clamp_min(1e-30);
}
