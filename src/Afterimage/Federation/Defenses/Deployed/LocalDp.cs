using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Flower's LocalDpMod (Dwork and Roth, 2014): the update is scaled down to a norm, and Gaussian noise of deviation
/// s sqrt(2 ln(1.25/delta)) / epsilon is added, where the sensitivity s is a setting of its own that nothing ties to the norm
/// ("afterimage privacy" says what that delivers). An attacker differentiates through the scaling and weighs by the noise.
/// </summary>
[Cites("dwork2014algorithmic")]
public sealed record LocalDp : Defense
{
    /// <summary>The largest norm that is sent, more than 0; null switches the mod off.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? ClippingNorm { get; init; } = 1;

    /// <summary>The sensitivity that the noise is made for; Flower has no default for it, nor for the others.</summary>
    [Range(0, 1e30)]
    public double Sensitivity { get; init; } = 1e-4;

    /// <summary>The epsilon that the noise is made for.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public double Epsilon { get; init; } = 10;

    /// <summary>The delta that the noise is made for, in (0,1).</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double Delta { get; init; } = 1e-5;

    /// <summary>The deviation of the noise.</summary>
    public double NoiseDeviation => Sensitivity * Math.Sqrt(Math.Max(0, 2 * Math.Log(1.25 / Delta))) / Epsilon;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        return Steps.Protect(update, random, round);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Steps.Known(model);
    }

    private DefenseChain Steps => new()
    {
        Steps = ClippingNorm is null ? [] : [new NormBound { Bound = ClippingNorm }, new GaussianNoise { Absolute = NoiseDeviation }],
    };
}
