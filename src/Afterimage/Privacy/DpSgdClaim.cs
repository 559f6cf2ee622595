using System.Globalization;

namespace Afterimage.Privacy;

/// <summary>DP-SGD or differentially private federated averaging, as configured (Abadi et al., 2016; McMahan et al., 2018).</summary>
[Cites("abadi2016deep", "mcmahan2018learning")]
public sealed record DpSgdClaim
{
    /// <summary>Deviation of the noise on the sum in units of the clipping norm, at least 0.</summary>
    [Range(0, 1e9)]
    public double NoiseMultiplier { get; init; } = 1;

    /// <summary>Probability that an example (or a client) takes part in a round, in (0,1].</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double SamplingRate { get; init; } = 1;

    /// <summary>Rounds, or steps of local training.</summary>
    [Range(1, 1_000_000_000)]
    public int Rounds { get; init; } = 1;

    /// <summary>Delta, in (0,1).</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double Delta { get; init; } = 1e-5;

    /// <summary>The clipping norm as configured; null where nobody says.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? Clip { get; init; }

    /// <summary>The sensitivity that the noise is made for; null for the clipping norm.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? Sensitivity { get; init; }

    /// <summary>What the configuration says, and what it delivers.</summary>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public PrivacyStatement Judge()
    {
        Settings.Check(this);
        var ratio = (Sensitivity ?? Clip ?? 1) / (Clip ?? Sensitivity ?? 1);
        var noise = NoiseMultiplier * ratio;
        var findings = new List<string>();
        if (NoiseMultiplier == 0)
            findings.Add("Without noise no epsilon holds: clipping alone is no differential privacy.");
        if (ratio < 1)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"The noise is made for a sensitivity of {Sensitivity:G3}, but one example " +
                $"changes the sum by up to the clipping norm, {Clip:G3}: the noise is {1 / ratio:G3} times too small."));
        if (ratio > 1)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"The noise is made for a sensitivity {ratio:G3} times the clipping norm: it protects more than the formula says."));
        if (Delta > 1e-4)
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"A delta of {Delta:G2} lets one of {1 / Delta:G3} examples be published as " +
                $"it is: take less than one over the number of examples."));
        return new(string.Create(CultureInfo.InvariantCulture, $"DP-SGD with noise multiplier {NoiseMultiplier:G4} and sampling rate " +
                $"{SamplingRate:G4} over {Rounds:N0} {(Rounds == 1 ? "round" : "rounds")}"),
            ratio == 1 ? null : Epsilon(NoiseMultiplier), Epsilon(noise), Delta, noise, SamplingRate, Rounds,
            "data sets of which one has one example more, sampled independently", findings.ToValueList());
    }

    private double Epsilon(double noise) => noise == 0 ? double.PositiveInfinity
        : SamplingRate == 1 ? GaussianMechanism.Epsilon(Math.Sqrt(Rounds) / noise, Delta)
        : Math.Min(RenyiAccountant.Epsilon(noise, SamplingRate, Rounds, Delta),
            GaussianMechanism.Epsilon(Math.Sqrt(Rounds) / noise, Delta));
}
