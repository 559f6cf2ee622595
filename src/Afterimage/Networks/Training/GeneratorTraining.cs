namespace Afterimage.Networks;

/// <summary>The kinds of networks that learn what images look like.</summary>
public enum GeneratorKind
{
    /// <summary>A style generator, trained against a discriminator.</summary>
    Style,

    /// <summary>A variational autoencoder.</summary>
    Vae,

    /// <summary>A denoising diffusion model.</summary>
    Diffusion,
}

/// <summary>The number format of a training's network operations; weights and their steps are always float32.</summary>
public enum TrainingPrecision
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>Eight bits of mantissa: about three times as fast on processors with instructions for it, slow on others.</summary>
    Bfloat16,
}

/// <summary>Settings of the training of a generator or a diffusion model.</summary>
public sealed record GeneratorTraining : ISettings
{
    /// <summary>What is trained.</summary>
    public GeneratorKind Kind { get; init; }

    /// <summary>Channels of an image: 1 or 3.</summary>
    [AllowedValues(1, 3)]
    public int Channels { get; init; } = 3;

    /// <summary>Side of an image in pixels.</summary>
    [AllowedValues(8, 16, 32, 64)]
    public int Side { get; init; } = 32;

    /// <summary>Channels of the feature maps up to 16x16.</summary>
    [Range(8, 1024)]
    public int Width { get; init; } = 64;

    /// <summary>Numbers of a latent; a diffusion model has none.</summary>
    [Range(1, 4096)]
    public int Latent { get; init; } = 64;

    /// <summary>Images in one step.</summary>
    [Range(2, 4096)]
    public int Batch { get; init; } = 32;

    /// <summary>The learning rate, in (0,1); null is 0.0005 for a style generator and 0.001 for the others.</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double? LearningRate { get; init; }

    /// <summary>Weight of the penalties of the discriminator's gradient; the style generator alone has them.</summary>
    [Range(0, 1000)]
    public double Penalty { get; init; } = 0.1;

    /// <summary>Number format of the network's operations.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>How much of the running average of the weights a step keeps, in the long run.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Averaging { get; init; } = 0.995;

    /// <summary>Minutes of training; without them the steps decide.</summary>
    [Range(0, 1_000_000, MinimumIsExclusive = true)]
    public double? Minutes { get; init; }

    /// <summary>Steps of training; without them the minutes decide.</summary>
    [Range(1, 100_000_000)]
    public int? Steps { get; init; }

    /// <summary>Steps between two validations; never more than one pass through the images.</summary>
    [Range(1, 100_000_000)]
    public int Every { get; init; } = 250;

    /// <summary>Seed of initial weights, latents, noise and order.</summary>
    public ulong Seed { get; init; }

    internal double Rate => LearningRate ?? (Kind == GeneratorKind.Style ? 5e-4 : 1e-3);

    internal ScalarType Type => Precision == TrainingPrecision.Bfloat16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <inheritdoc/>
    public string? Fault => Minutes is null && Steps is null ? "A training has a length: give minutes or steps." : null;
}
