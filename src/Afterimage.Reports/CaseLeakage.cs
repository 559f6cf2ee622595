using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>
/// The leakage analysis of one case: how well the best attacker could reconstruct the images from this update, computed by the
/// auditor from the Jacobian of the update.
/// </summary>
public sealed record CaseLeakage
{
    /// <summary>One sentence: what the update determines, the forecast, and what the attack reached.</summary>
    public required string Sentence { get; init; }

    /// <summary>Whether the Jacobian was taken at the true images; otherwise at the reconstruction.</summary>
    public required bool AtTruth { get; init; }

    /// <summary>
    /// Standard deviation of the noise in the update (its rounding and the client's noise), relative to the root mean square of each
    /// parameter tensor. It is measured at true images and assumed at a reconstruction.
    /// </summary>
    public required double Noise { get; init; }

    /// <summary>The forecast's prior on images, for example "1/f^2".</summary>
    public required string Prior { get; init; }

    /// <summary>The forecasts, with noise relative to each parameter tensor; without singular values.</summary>
    public required LeakageSpectrum Spectrum { get; init; }

    /// <summary>
    /// Relative standard deviation of the squared error of a single batch around the forecast, which is a mean; null where the
    /// spectrum is not exact.
    /// </summary>
    public double? Spread { get; init; }

    /// <summary>The analysis of each image.</summary>
    public ImmutableArray<LeakageImage> Images { get; init; } = [];

    /// <summary>Wall-clock time of the analysis, which is not part of the case's cost.</summary>
    public required double Seconds { get; init; }

    /// <summary>Processor time of the analysis.</summary>
    public required double CpuSeconds { get; init; }

    /// <summary>The forecast at <see cref="Noise"/>.</summary>
    public LeakageForecast Forecast() => Spectrum.At(Noise);

    /// <summary>Whether an attack can test the forecast: it was made at true images, and its interval is at most 1 dB wide.</summary>
    public bool CanBeTested() => AtTruth && Forecast().Images is var found && found.High - found.Low <= 1;
}

/// <summary>How the forecasts of an audit compare with the PSNR that its attacks reached.</summary>
/// <param name="Cases">Number of cases with both.</param>
/// <param name="Spearman">Rank correlation (Spearman) of forecast and reached PSNR.</param>
/// <param name="Above">Number of cases whose attack exceeded the van Trees bound by more than three standard errors.</param>
/// <param name="MedianGap">Median of forecast minus reached PSNR, in dB.</param>
public sealed record LeakageComparison(int Cases, double Spearman, int Above, double MedianGap);
