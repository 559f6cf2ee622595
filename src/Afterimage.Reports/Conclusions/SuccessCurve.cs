using System.Collections.Immutable;

namespace Afterimage.Reports.Conclusions;

/// <summary>How often an attack reaches a threshold, over the thresholds of one metric.</summary>
/// <param name="Name">The setting, in the words of its axes.</param>
/// <param name="Metric">For example "psnr".</param>
/// <param name="Images">How many images were attacked.</param>
/// <param name="Points">In the order of the thresholds.</param>
public sealed record SuccessCurve(string Name, string Metric, int Images, ImmutableArray<SuccessPoint> Points);

/// <summary>The share of images at or above a threshold.</summary>
/// <param name="Threshold">In the units of the metric.</param>
/// <param name="Rate">In [0,1].</param>
/// <param name="Low">The lower end of its 95 % interval (Wilson).</param>
/// <param name="High">The upper end.</param>
public sealed record SuccessPoint(double Threshold, double Rate, double Low, double High);

/// <summary>How often the true image was the nearest of a pool.</summary>
/// <param name="Found">Reconstructions nearest to their own true image.</param>
/// <param name="Images">Reconstructions.</param>
/// <param name="Pool">Images that each was compared with; the smallest pool of several cases.</param>
/// <param name="Low">The lower end of the 95 % interval of the rate (Wilson).</param>
/// <param name="High">The upper end.</param>
public sealed record IdentificationRate(int Found, int Images, int Pool, double Low, double High)
{
    /// <summary>The rate, in [0,1].</summary>
    public double Rate() => (double)Found / Images;

    /// <summary>The rate of guessing, in [0,1].</summary>
    public double Chance() => 1.0 / Pool;
}
