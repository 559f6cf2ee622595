using Afterimage.Federation;

namespace Afterimage.Networks;

/// <summary>Settings of the training of a network from updates to images.</summary>
public sealed record InverterTraining : ISettings
{
    /// <summary>Images of a batch at most that an inverter can be trained for.</summary>
    public const int LargestBatch = 8;

    /// <summary>Which network.</summary>
    public InverterKind Kind { get; init; } = InverterKind.Convolutional;

    /// <summary>What clients do to their updates before they send them.</summary>
    public Defense Defense { get; init; } = new None();

    /// <summary>
    /// Weights of the victim that the network learns, each drawn by the model's own initialization; more than 1 for a network that is to
    /// read weights which it has not seen, which only backprojection can.
    /// </summary>
    [Range(1, 10_000)]
    public int Victims { get; init; } = 1;

    /// <summary>A file of an earlier training to go on from, for weights that have moved or another defense; null begins anew.</summary>
    public string? From { get; init; }

    /// <summary>Images of a client's batch at most; the network learns all sizes up to it.</summary>
    [Range(1, LargestBatch)]
    public int Batch { get; init; } = 1;

    /// <summary>Numbers that an update is hashed to, at most.</summary>
    [Range(16, 65_536)]
    public int Size { get; init; } = 4096;

    /// <summary>Units of a hidden layer; null is 3,000 for the MLP, 1,024 for the convolutional network, 256 for a token.</summary>
    [Range(8, 16_384)]
    public int? Hidden { get; init; }

    /// <summary>Channels of the feature maps; the MLP has none.</summary>
    [Range(4, 1024)]
    public int Width { get; init; } = 32;

    /// <summary>Images in one step, over all its updates.</summary>
    [Range(1, 4096)]
    public int Images { get; init; } = 64;

    /// <summary>The learning rate, in (0,1); null is 0.0003 for the MLP and 0.001 for the others.</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double? LearningRate { get; init; }

    /// <summary>How much of the running average of the weights a step keeps, in the long run.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Averaging { get; init; } = 0.99;

    /// <summary>Minutes of training; without them the steps decide.</summary>
    [Range(0, 1_000_000, MinimumIsExclusive = true)]
    public double? Minutes { get; init; }

    /// <summary>Steps of training; without them the minutes decide.</summary>
    [Range(1, 100_000_000)]
    public int? Steps { get; init; }

    /// <summary>Steps between two validations.</summary>
    [Range(1, 100_000_000)]
    public int Every { get; init; } = 200;

    /// <summary>Seed of hashing, initial weights, order and what clients draw.</summary>
    public ulong Seed { get; init; }

    internal double Rate => LearningRate ?? (Kind == InverterKind.Mlp ? 3e-4 : 1e-3);

    /// <inheritdoc/>
    public string? Fault => Minutes is null && Steps is null ? "A training has a length: give minutes or steps." : null;

    /// <summary>These settings with the network that a file holds.</summary>
    internal InverterTraining With(InverterShape shape) =>
        this with { Kind = shape.Kind, Batch = shape.Batch, Size = shape.Size, Hidden = shape.Hidden, Width = shape.Width };

    /// <summary>The network for images of one shape.</summary>
    internal InverterShape Shape(int channels, int side) => new()
    {
        Kind = Kind,
        Channels = channels,
        Side = side,
        Batch = Batch,
        Size = Size,
        Hidden = Hidden ?? (Kind switch { InverterKind.Mlp => 3000, InverterKind.Convolutional => 1024, _ => 256 }),
        Width = Width,
        SketchSeed = new RandomSource(Seed).Derive("sketch").Seed,
    };
}
