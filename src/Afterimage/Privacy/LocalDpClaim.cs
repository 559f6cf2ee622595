using System.Globalization;
using Afterimage.Federation;

namespace Afterimage.Privacy;

/// <summary>Flower's LocalDpMod as configured, over rounds.</summary>
public sealed record LocalDpClaim
{
    /// <summary>The mod.</summary>
    public LocalDp Mod { get; init; } = new();

    /// <summary>Rounds in which the client takes part.</summary>
    [Range(1, 1_000_000_000)]
    public int Rounds { get; init; } = 1;

    /// <summary>What the configuration says, and what it delivers.</summary>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public PrivacyStatement Judge()
    {
        Settings.Check(this);
        var clip = Mod.ClippingNorm ?? double.PositiveInfinity;
        var noise = Mod.NoiseDeviation / (2 * clip);
        var findings = new List<string>();
        if (double.IsInfinity(clip))
            findings.Add("Without a clipping norm the update has no sensitivity and no noise is enough: no epsilon holds.");
        if (Mod.Epsilon > 1)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"The formula sqrt(2 ln(1.25/delta)) / epsilon is proven for an epsilon up to " +
                $"1 and is used here for {Mod.Epsilon:G4}."));
        if (Mod.Delta >= 1.25 || Mod.NoiseDeviation == 0)
            findings.Add("The noise that comes out is zero: no epsilon holds.");
        if (double.IsFinite(clip) && Mod.Sensitivity < 2 * clip)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"Two updates of norm {clip:G3} are up to {2 * clip:G3} apart, and the noise is " +
                $"made for a sensitivity of {Mod.Sensitivity:G3}: it is " +
                $"{2 * clip / Math.Max(Mod.Sensitivity, 1e-300):G3} times too small."));
        if (Rounds > 1)
            findings.Add($"The epsilon of the mod is that of one round; {Rounds:N0} rounds of the same client add up, " +
                "and Flower does not count them.");
        var delivered = noise == 0 ? double.PositiveInfinity : GaussianMechanism.Epsilon(Math.Sqrt(Rounds) / noise, Mod.Delta);
        return new(string.Create(CultureInfo.InvariantCulture, $"Flower's LocalDpMod with clipping norm {clip:G4}, sensitivity " +
                $"{Mod.Sensitivity:G4}, epsilon {Mod.Epsilon:G4} and delta {Mod.Delta:G3} (noise of deviation {Mod.NoiseDeviation:G3})"),
            Mod.Epsilon, delivered, Mod.Delta, noise, 1, Rounds, "any two updates of one client", findings.ToValueList());
    }
}
