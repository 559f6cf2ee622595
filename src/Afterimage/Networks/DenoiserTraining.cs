namespace Afterimage.Networks;

/// <summary>
/// Settings of a denoiser's training on procedural images: Adam (Kingma and Ba, 2015) with a warm-up and a cosine schedule, and the
/// squared error divided by the noise level, which is drawn anew for each patch.
/// </summary>
[Cites("zhang2018ffdnet", "kingma2015adam", "lee2001occlusion")]
public sealed record DenoiserTraining : ISettings
{
    /// <summary>Channels between the layers.</summary>
    [Range(12, 1024)]
    public int Width { get; init; } = 48;

    /// <summary>Number of convolutions.</summary>
    [Range(2, 64)]
    public int Depth { get; init; } = 8;

    /// <summary>Steps of Adam.</summary>
    [Range(1, 100_000_000)]
    public int Steps { get; init; } = 30_000;

    /// <summary>Patches in one step.</summary>
    [Range(1, 4096)]
    public int Batch { get; init; } = 16;

    /// <summary>Side of a patch in pixels; even.</summary>
    [Range(8, 512)]
    public int Patch { get; init; } = 32;

    /// <summary>The largest learning rate, in (0,1).</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double LearningRate { get; init; } = 1.5e-3;

    /// <summary>The largest standard deviation of the noise for pixels from 0 to 255, 1 to 255.</summary>
    [Range(1, 255)]
    public double LargestSigma { get; init; } = 60;

    /// <summary>How much is painted before the training, in units of 64x64 pixels.</summary>
    [Range(8, 1_000_000)]
    public int Images { get; init; } = 4000;

    /// <summary>Steps between two validations.</summary>
    [Range(1, 100_000_000)]
    public int Every { get; init; } = 500;

    /// <summary>Seed of images, noise and initial weights.</summary>
    public ulong Seed { get; init; }

    internal DenoiserShape Shape => new(3, Width, Depth, Residual: true);

    /// <inheritdoc/>
    public string? Fault => Patch % 2 == 0 ? null : $"A patch has an even side, not {Patch} pixels.";

    /// <summary>The learning rate at a step: linear warm-up over the first 2 percent, times a half cosine to zero.</summary>
    internal double Rate(int step)
    {
        var warm = Math.Max(1, Steps / 50);
        return LearningRate * Math.Min(1, (step + 1.0) / warm) * (1 + Math.Cos(Math.PI * step / Steps)) / 2;
    }
}
