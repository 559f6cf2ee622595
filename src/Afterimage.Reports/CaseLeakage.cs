using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>What the update of one case tells at best, measured by the auditor beside the attack.</summary>
public sealed record CaseLeakage
{
    /// <summary>One sentence: what the update determines, the forecast, and what the attack reached.</summary>
    public required string Sentence { get; init; }

    /// <summary>Whether it was measured at the true images; otherwise at the reconstruction.</summary>
    public required bool AtTruth { get; init; }

    /// <summary>
    /// Deviation of the update from that of these images, relative to the root mean square of each parameter tensor: its rounding and
    /// the client's noise. At a reconstruction it is assumed.
    /// </summary>
    public required double Noise { get; init; }

    /// <summary>What the forecast knows of images, for example "1/f^2".</summary>
    public required string Prior { get; init; }

    /// <summary>Noise against each layer; without singular values.</summary>
    public required LeakageSpectrum Spectrum { get; init; }

    /// <summary>One standard deviation, relative, of the squared error of one batch around the forecast's; absent where the spectrum is not exact.</summary>
    public double? Spread { get; init; }

    public ImmutableArray<LeakageImage> Images { get; init; } = [];

    /// <summary>Wall-clock time of the measurement, which is no part of the case's cost.</summary>
    public required double Seconds { get; init; }

    public required double CpuSeconds { get; init; }

    /// <summary>The forecast at this noise.</summary>
    public LeakageForecast Forecast() => Spectrum.At(Noise);

    /// <summary>Whether an attack can be held against the forecast: it was made at the truth, and its interval is at most 1 dB wide.</summary>
    public bool CanBeTested() => AtTruth && Forecast().Images is var found && found.High - found.Low <= 1;
}

/// <summary>How the forecasts of an audit compare with what its attacks reached.</summary>
/// <param name="Cases">Cases with both.</param>
/// <param name="Spearman">Rank correlation of forecast and reached PSNR.</param>
/// <param name="Above">Cases in which the attack passed the van Trees bound by more than three statistical errors.</param>
/// <param name="MedianGap">Median of forecast minus reached PSNR, in dB.</param>
public sealed record LeakageComparison(int Cases, double Spearman, int Above, double MedianGap);
