namespace Afterimage.Networks;

/// <summary>
/// Settings of a denoiser's training on procedural images: Adam (Kingma and Ba, 2015) with a warm-up and a cosine schedule, and the
/// squared error divided by the noise level, which is drawn anew for each patch.
/// </summary>
[Cites("zhang2018ffdnet", "kingma2015adam", "lee2001occlusion")]
public sealed record DenoiserTraining
{
    /// <summary>Channels between the layers.</summary>
    public int Width { get; init; } = 48;

    /// <summary>Number of convolutions.</summary>
    public int Depth { get; init; } = 8;

    /// <summary>Steps of Adam.</summary>
    public int Steps { get; init; } = 30_000;

    /// <summary>Patches in one step.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Side of a patch in pixels; even.</summary>
    public int Patch { get; init; } = 32;

    /// <summary>The largest learning rate, in (0,1).</summary>
    public double LearningRate { get; init; } = 1.5e-3;

    /// <summary>The largest standard deviation of the noise for pixels from 0 to 255, 1 to 255.</summary>
    public double LargestSigma { get; init; } = 60;

    /// <summary>How much is painted before the training, in units of 64x64 pixels.</summary>
    public int Images { get; init; } = 4000;

    /// <summary>Steps between two validations.</summary>
    public int Every { get; init; } = 500;

    /// <summary>Seed of images, noise and initial weights.</summary>
    public ulong Seed { get; init; }

    internal DenoiserShape Shape => new(3, Width, Depth, Residual: true);

    /// <summary>Does nothing if every setting is in its range.</summary>
    /// <exception cref="AfterimageException">A number is out of its range.</exception>
    public void Check()
    {
        Range(Width, 12, 1024, "Width");
        Range(Depth, 2, 64, "Depth");
        Range(Steps, 1, 100_000_000, "Steps");
        Range(Batch, 1, 4096, "Batch");
        Range(Patch, 8, 512, "Patch");
        Range(Images, 8, 1_000_000, "Images");
        Range(Every, 1, 100_000_000, "Every");
        if (Patch % 2 != 0)
            throw new AfterimageException($"A patch has an even side, not {Patch} pixels.");
        if (!(LearningRate is > 0 and < 1))
            throw new AfterimageException($"The learning rate lies between 0 and 1; it is {LearningRate}.");
        if (!(LargestSigma is >= 1 and <= 255))
            throw new AfterimageException($"The largest sigma lies between 1 and 255; it is {LargestSigma}.");
    }

    /// <summary>The learning rate at a step: linear warm-up over the first 2 percent, times a half cosine to zero.</summary>
    internal double Rate(int step)
    {
        var warm = Math.Max(1, Steps / 50);
        return LearningRate * Math.Min(1, (step + 1.0) / warm) * (1 + Math.Cos(Math.PI * step / Steps)) / 2;
    }

    private static void Range(int value, int low, int high, string name)
    {
        if (value < low || value > high)
            throw new AfterimageException($"{name} lies between {low} and {high}; it is {value}.");
    }
}
