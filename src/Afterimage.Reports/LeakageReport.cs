using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>What updates tell of their batches at best: plain data, the content of leakage.json. Documented in docs/leakage.md.</summary>
public sealed record LeakageReport
{
    public const string CurrentSchema = "afterimage-leakage/1";

    public string Schema { get; init; } = CurrentSchema;

    /// <summary>Version of Afterimage that measured.</summary>
    public required string Version { get; init; }

    public required string Title { get; init; }

    /// <summary>The experiment as canonical JSON; its attack plays no part.</summary>
    public required string Experiment { get; init; }

    /// <summary>The command line that measures it again.</summary>
    public required string Command { get; init; }

    /// <summary>One sentence for a reader who reads nothing else.</summary>
    public required string Sentence { get; init; }

    /// <summary>The noise of the maps, the images and the sentence, relative to the root mean square of the update.</summary>
    public required double Noise { get; init; }

    /// <summary>What the second forecast knows of images, for example "1/f^2".</summary>
    public required string Prior { get; init; }

    public ImmutableArray<LeakageCase> Cases { get; init; } = [];

    public ImmutableArray<Citation> Citations { get; init; } = [];
}

/// <summary>One batch.</summary>
/// <param name="Name">What tells it from the other cases.</param>
/// <param name="Batch">Images in the batch.</param>
/// <param name="Seconds">Wall-clock time.</param>
/// <param name="PerLayer">Noise against the root mean square of each parameter tensor.</param>
/// <param name="Whole">Noise against the root mean square of the whole update.</param>
public sealed record LeakageCase(string Name, int Batch, double Seconds, LeakageSpectrum PerLayer, LeakageSpectrum Whole, ImmutableArray<LeakageImage> Images);

/// <param name="Map">Bright where pixels are determined: black at the prior's variance, white at a millionth of it.</param>
/// <param name="Psnr">The forecast of this image, in dB, noise against each layer.</param>
public sealed record LeakageImage(int Index, string Label, double Psnr, Picture Truth, Picture Map);

/// <param name="Method">How it was computed, a sentence.</param>
/// <param name="Unknowns">Pixels of the batch.</param>
/// <param name="Equations">Numbers of the update.</param>
/// <param name="Rank">Absent where not every singular value is known.</param>
/// <param name="Condition">The largest singular value over the smallest that counts for the rank.</param>
/// <param name="Singular">Descending.</param>
/// <param name="Points">From much noise to little.</param>
public sealed record LeakageSpectrum(string Method, bool Exact, long Unknowns, long Equations, int? Rank, double? Condition,
    ImmutableArray<double> Singular, ImmutableArray<LeakageForecast> Points)
{
    /// <summary>The point whose noise is nearest to a given one.</summary>
    public LeakageForecast At(double noise) => Points.MinBy(point => Math.Abs(Math.Log(point.Noise / noise)))!;
}

/// <summary>From a worse to a better value, the same where exactly known.</summary>
public readonly record struct Bracket(double Low, double High);

/// <param name="Noise">Deviation relative to the root mean square.</param>
/// <param name="Directions">Pixel directions that survive.</param>
/// <param name="White">PSNR of the best linear estimator that knows how much pixels vary, in dB.</param>
/// <param name="Images">PSNR of the best linear estimator that knows the image prior, in dB.</param>
/// <param name="Unbiased">What no unbiased estimator passes, in dB; absent where none exists or it is not known.</param>
/// <param name="FisherTrace">The same from the trace of the Fisher information alone.</param>
/// <param name="VanTrees">What no estimator passes on average over the image prior, in dB.</param>
/// <param name="Influence">What the inversion influence function leaves, in dB.</param>
/// <param name="InformationLoss">Fisher information loss.</param>
public sealed record LeakageForecast(double Noise, Bracket Directions, Bracket White, Bracket Images, double? Unbiased, double FisherTrace,
    double VanTrees, double Influence, double InformationLoss);
