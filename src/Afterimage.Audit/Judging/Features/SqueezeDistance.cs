using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// A perceptual distance on the trunk of SqueezeNet 1.1 (Iandola et al., 2016): at seven depths, the squared distance of the channel
/// vectors after division by their lengths, the mean over positions, added up. This is LPIPS (Zhang et al., 2018) without its learned
/// weights, and with another training of the trunk: its values are not those of LPIPS.
/// </summary>
/// <param name="space">The channel vectors of all depths after normalization, each over the root of its number of positions.</param>
[Cites("zhang2018unreasonable", "iandola2016squeezenet")]
public sealed record SqueezeDistance(FeatureSpace space) : Metric
{
    /// <summary>The metric's key in reports.</summary>
    public const string Key = "squeeze-distance";

    /// <inheritdoc/>
    public override string Name => Key;

    /// <inheritdoc/>
    public override bool HigherIsBetter => false;

    /// <inheritdoc/>
    public override double Optimum => 0;

    /// <inheritdoc/>
    public override string Summary => "Distance of normalized features at seven depths of SqueezeNet 1.1: what looks alike is near; " +
        "not LPIPS, whose weights are others.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen)
    {
        var (own, other) = (space.Of(truth), space.Of(seen));
        var sum = 0.0;
        for (var i = 0; i < own.Length; i++)
            sum += (own[i] - other[i]) * (own[i] - other[i]);
        return sum;
    }
}
