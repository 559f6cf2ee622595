using Afterimage.Audit.Clients;

namespace Afterimage.Audit.Judging;

/// <summary>
/// |f(r) - f(x)| / |f(x)| of the features f that enter the head of the attacked model in eval mode: what the model itself takes for alike.
/// </summary>
/// <param name="space">The features.</param>
public sealed record FeatureDistance(FeatureSpace space) : Metric
{
    /// <summary>The metric's key in reports.</summary>
    public const string Key = "feature-distance";

    /// <inheritdoc/>
    public override string Name => Key;

    /// <inheritdoc/>
    public override bool HigherIsBetter => false;

    /// <inheritdoc/>
    public override double Optimum => 0;

    /// <inheritdoc/>
    public override string Summary =>
        "Relative distance of the features that enter the head of the attacked model: 0 where it cannot tell the images apart.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen)
    {
        var (own, other) = (space.Of(truth), space.Of(seen));
        var (gap, size) = (0.0, 0.0);
        for (var i = 0; i < own.Length; i++)
            (gap, size) = (gap + (own[i] - other[i]) * (own[i] - other[i]), size + own[i] * own[i]);
        return gap == 0 ? 0 : Math.Sqrt(gap / Math.Max(size, double.Epsilon));
    }
}
