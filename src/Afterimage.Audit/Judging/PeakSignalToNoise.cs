using Afterimage.Audit.Clients;

namespace Afterimage.Audit.Judging;

/// <summary>
/// Peak signal-to-noise ratio of one image in decibels: -10 log10(MSE) for images in [0,1]. It is capped, so that one
/// exact image does not turn the mean of a batch into infinity.
/// </summary>
public sealed record PeakSignalToNoise : Metric
{
    /// <summary>The largest value, in decibels; 100 dB is a root mean square error of 1e-5.</summary>
    public double Ceiling { get; init; } = 100;

    /// <inheritdoc/>
    public override string Name => "psnr";

    /// <inheritdoc/>
    public override string Unit => "dB";

    /// <inheritdoc/>
    public override bool HigherIsBetter => true;

    /// <inheritdoc/>
    public override double Optimum => Ceiling;

    /// <inheritdoc/>
    public override string Summary =>
        $"Peak signal-to-noise ratio of values in [0,1]: 20 dB is an error of a tenth of the range, 40 dB of a hundredth; capped at {Ceiling:0} dB.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen) =>
        Math.Min(Ceiling, -10 * Math.Log10(MeanSquaredError.Between(truth, seen)));
}
