namespace Afterimage.Leakage;

/// <summary>
/// What an update tells of its batch, to first order at one batch: plain numbers. PSNR is that of the expected squared error
/// over all pixels of the batch, for pixels in [0,1].
/// </summary>
public sealed record LeakageAnalysis
{
    /// <summary>The unit in which noise is given.</summary>
    public required NoiseScale Scale { get; init; }

    /// <summary>How it was computed, a sentence.</summary>
    public required string Method { get; init; }

    /// <summary>Whether every singular value is known; otherwise forecasts are intervals.</summary>
    public required bool Exact { get; init; }

    /// <summary>Pixels of the batch.</summary>
    public required long Unknowns { get; init; }

    /// <summary>Numbers of the update.</summary>
    public required long Equations { get; init; }

    /// <summary>Singular values of the Jacobian, descending; only the largest where the spectrum is not exact.</summary>
    public required ValueList<double> Singular { get; init; }

    /// <summary>Singular values above <see cref="LeakageProbe.RankTolerance"/> of the largest; null where not all are known.</summary>
    public int? Rank { get; init; }

    /// <summary>The largest singular value over the smallest that counts for the rank; null where not all are known.</summary>
    public double? Condition { get; init; }

    /// <summary>The priors that the forecasts and maps know: white, then one of images.</summary>
    public required ValueList<string> Priors { get; init; }

    /// <summary>From much noise to little.</summary>
    public required ValueList<LeakagePoint> Points { get; init; }

    /// <summary>The noise of the map and of the forecasts image by image.</summary>
    public required double Noise { get; init; }

    /// <summary>Posterior over prior variance of each pixel under the image prior, in [0,1]; one array [C,H,W] for each image.</summary>
    public required ValueList<ValueList<double>> Map { get; init; }

    /// <summary>
    /// The forecast of each image under the image prior, in dB, consistent with that of the batch; the better end is infinite where
    /// nothing bounds it.
    /// </summary>
    public required ValueList<Interval> Images { get; init; }

    /// <summary>
    /// One standard deviation of the squared error of one batch under the image prior, relative to its expectation, at <see cref="Noise"/>;
    /// null where the spectrum is not exact.
    /// </summary>
    public double? Spread { get; init; }

    /// <summary>The point with the noise nearest to a given one.</summary>
    public LeakagePoint At(double noise) => Points.MinBy(point => Math.Abs(Math.Log(point.Noise / noise)))!;
}

/// <summary>From a worse to a better value, the same where exactly known.</summary>
public readonly record struct Interval(double Low, double High);

/// <summary>What an update tells when it carries noise of one strength.</summary>
/// <param name="Noise">Deviation, in units of <see cref="NoiseScale"/>.</param>
/// <param name="Directions">Pixel directions that survive: one minus posterior over white prior variance, summed.</param>
/// <param name="White">Forecast of the best linear estimator that knows only how much pixels vary, in dB.</param>
/// <param name="Images">Forecast of the best linear estimator that knows the image prior, in dB.</param>
/// <param name="Ceilings">What no attack passes.</param>
public sealed record LeakagePoint(double Noise, Interval Directions, Interval White, Interval Images, LeakageCeilings Ceilings);

/// <summary>
/// Bounds from below on the error of any attack under Gaussian noise, written as PSNR from above, in dB. All use the
/// derivative at this batch.
/// </summary>
/// <param name="Unbiased">Cramer-Rao bound of unbiased estimators; null where the information is singular or not all known.</param>
/// <param name="FisherTrace">The same from the trace of the information (Hannun et al., 2021): weaker, always known.</param>
/// <param name="VanTrees">Any estimator, averaged over the image prior, from traces alone (van Trees).</param>
/// <param name="Influence">What the noise itself moves in the least-squares solution, at least (Zhang et al., 2023).</param>
/// <param name="InformationLoss">Fisher information loss, the root of the largest eigenvalue: not a PSNR.</param>
public sealed record LeakageCeilings(double? Unbiased, double FisherTrace, double VanTrees, double Influence, double InformationLoss);
