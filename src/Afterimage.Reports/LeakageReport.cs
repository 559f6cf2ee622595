using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>
/// Leakage analyses, which say how well the best attacker could reconstruct batches from their updates: plain data, the content of
/// leakage.json. Documented in docs/leakage.md.
/// </summary>
public sealed record LeakageReport
{
    /// <summary>The schema that this version writes.</summary>
    public const string CurrentSchema = "afterimage-leakage/1";

    /// <summary>The schema of this report.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>Version of Afterimage that made the analysis.</summary>
    public required string Version { get; init; }

    /// <summary>The experiment's title.</summary>
    public required string Title { get; init; }

    /// <summary>The experiment as canonical JSON; its attack is not used.</summary>
    public required string Experiment { get; init; }

    /// <summary>The command line that repeats the analysis.</summary>
    public required string Command { get; init; }

    /// <summary>One sentence for a reader who reads nothing else.</summary>
    public required string Sentence { get; init; }

    /// <summary>The noise of images, maps and sentence, relative to the root mean square of each parameter tensor.</summary>
    public required double Noise { get; init; }

    /// <summary>The prior on images of the forecast "knowing images", for example "1/f^2".</summary>
    public required string Prior { get; init; }

    /// <summary>The analysis of each batch.</summary>
    public ImmutableArray<LeakageCase> Cases { get; init; } = [];

    /// <summary>The papers behind everything that was used.</summary>
    public ImmutableArray<Citation> Citations { get; init; } = [];
}

/// <summary>The analysis of one batch.</summary>
/// <param name="Name">Its name for people.</param>
/// <param name="Batch">Number of images in the batch.</param>
/// <param name="Seconds">Wall-clock time of the analysis.</param>
/// <param name="PerLayer">With noise relative to the root mean square of each parameter tensor.</param>
/// <param name="Whole">With noise relative to the root mean square of the whole update.</param>
/// <param name="Images">The analysis of each image.</param>
public sealed record LeakageCase(string Name, int Batch, double Seconds, LeakageSpectrum PerLayer, LeakageSpectrum Whole,
    ImmutableArray<LeakageImage> Images)
{
    /// <summary>
    /// What counting says of layers that take the batch apart exactly, which no forecast to first order sees; null in reports of earlier
    /// versions.
    /// </summary>
    public string? Exactness { get; init; }

    /// <summary>The largest batch that a layer takes apart, by counting; 0 where none does.</summary>
    public long LargestSeparable { get; init; }
}

/// <summary>The analysis of one image of a batch.</summary>
/// <param name="Index">Its place in the batch, from 0.</param>
/// <param name="Label">The name of its class.</param>
/// <param name="Psnr">The forecast of its PSNR in dB, with noise relative to each parameter tensor; the lower end of an interval.</param>
/// <param name="Truth">The image at which the Jacobian was taken.</param>
/// <param name="Map">
/// The posterior variance of each pixel on a logarithmic scale, from black to white as <paramref name="Left"/> says.
/// </param>
/// <param name="PsnrHigh">The upper end of the forecast where it is an interval; null where it is exact or open.</param>
/// <param name="Left">
/// The shares of the prior's variance that white and black mean, the smallest and the largest of all images of the batch; null in
/// reports of earlier versions: a millionth and the whole.
/// </param>
public sealed record LeakageImage(int Index, string Label, double Psnr, Picture Truth, Picture Map, double? PsnrHigh = null,
    Bracket? Left = null);

/// <summary>The singular values of the update's Jacobian with respect to the images, and what follows from them.</summary>
/// <param name="Method">How it was computed, one sentence.</param>
/// <param name="Exact">Whether all singular values are known; otherwise the Lanczos method gives intervals.</param>
/// <param name="Unknowns">Number of pixels of the batch, channels included.</param>
/// <param name="Equations">Number of entries of the update.</param>
/// <param name="Rank">Numerical rank; null where not all singular values are known.</param>
/// <param name="Condition">The largest singular value divided by the smallest that counts for the rank.</param>
/// <param name="Singular">Singular values in descending order.</param>
/// <param name="Points">Forecasts from large to small noise.</param>
public sealed record LeakageSpectrum(string Method, bool Exact, long Unknowns, long Equations, int? Rank, double? Condition,
    ImmutableArray<double> Singular, ImmutableArray<LeakageForecast> Points)
{
    /// <summary>The forecast whose noise is nearest on a logarithmic scale.</summary>
    public LeakageForecast At(double noise) => Points.MinBy(point => Math.Abs(Math.Log(point.Noise / noise)))!;
}

/// <summary>An interval that contains a value; its ends are equal where the value is known exactly.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public readonly record struct Bracket(double Low, double High);

/// <summary>How well images can be reconstructed at one noise level, to first order.</summary>
/// <param name="Noise">Standard deviation of the noise relative to a root mean square.</param>
/// <param name="Directions">Number of singular directions whose signal exceeds the noise.</param>
/// <param name="White">PSNR in dB of the best linear estimator that knows only the variance of pixels.</param>
/// <param name="Images">PSNR in dB of the best linear estimator that knows the image prior.</param>
/// <param name="Unbiased">The Cramer-Rao bound in dB, an upper bound for unbiased estimators; null where it is not known.</param>
/// <param name="FisherTrace">An upper bound in dB for unbiased estimators from the trace of the Fisher information alone.</param>
/// <param name="VanTrees">The van Trees bound in dB, an upper bound for every estimator on average over the image prior.</param>
/// <param name="Influence">The PSNR in dB that follows from the inversion influence function.</param>
/// <param name="InformationLoss">Fisher information loss.</param>
public sealed record LeakageForecast(double Noise, Bracket Directions, Bracket White, Bracket Images, double? Unbiased, double FisherTrace,
    double VanTrees, double Influence, double InformationLoss);
