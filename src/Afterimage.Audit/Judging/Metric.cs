using System.Collections.Immutable;
using Afterimage.Audit.Clients;

namespace Afterimage.Audit.Judging;

/// <summary>A number that says how close a reconstructed image is to the true one.</summary>
public abstract record Metric
{
    /// <summary>What every audit reports: PSNR, SSIM and MSE.</summary>
    public static ImmutableArray<Metric> Standard { get; } = [new PeakSignalToNoise(), new StructuralSimilarity(), new MeanSquaredError()];

    /// <summary>The key in reports, for example "psnr".</summary>
    public abstract string Name { get; }

    /// <summary>The unit as it is printed behind a value; empty when there is none.</summary>
    public virtual string Unit => "";

    /// <summary>Whether a larger value means a better reconstruction.</summary>
    public abstract bool HigherIsBetter { get; }

    /// <summary>The value of an image compared with itself.</summary>
    public abstract double Optimum { get; }

    /// <summary>What the number means, in one sentence.</summary>
    public abstract string Summary { get; }

    /// <summary>The value for a true image and its reconstruction.</summary>
    /// <exception cref="AfterimageException">The images differ in shape.</exception>
    public double Measure(Image truth, Image seen) => truth.Shape == seen.Shape ? Compare(truth, seen)
        : throw new AfterimageException(
            $"The true image has shape {truth.Shape} and the reconstruction {seen.Shape}: compare images of one shape.");

    /// <summary>The better one of two values.</summary>
    public double Better(double left, double right) => HigherIsBetter ? Math.Max(left, right) : Math.Min(left, right);

    /// <summary>The value for two images of one shape.</summary>
    protected abstract double Compare(Image truth, Image seen);
}
