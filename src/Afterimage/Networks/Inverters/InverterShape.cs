using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>The kinds of networks that learn the way from updates to images.</summary>
public enum InverterKind
{
    /// <summary>Three linear layers with ReLU (Wu et al., 2023).</summary>
    Mlp,

    /// <summary>Two linear layers to small maps, then residual blocks that double their side.</summary>
    Convolutional,

    /// <summary>A token for every layer of the victim, a transformer over them, then the same residual blocks.</summary>
    Layered,

    /// <summary>
    /// A U-Net on every layer's part of the update, carried back to the pixels by the model's own derivative: it reads the updates of other
    /// weights too.
    /// </summary>
    Backprojection,
}

/// <summary>The layers of an inverter.</summary>
public sealed record InverterShape : ISettings
{
    private const int Smallest = 4;

    /// <summary>Which network.</summary>
    public InverterKind Kind { get; init; } = InverterKind.Convolutional;

    /// <summary>Channels of an image.</summary>
    [Range(1, 16)]
    public int Channels { get; init; } = 3;

    /// <summary>Side of an image in pixels.</summary>
    [Range(4, 256)]
    public int Side { get; init; } = 32;

    /// <summary>Images of a batch at most.</summary>
    [Range(1, InverterTraining.LargestBatch)]
    public int Batch { get; init; } = 1;

    /// <summary>Numbers that updates are hashed to, at most.</summary>
    [Range(16, 65_536)]
    public int Size { get; init; } = 4096;

    /// <summary>Units of a hidden layer; of a token in the layered network.</summary>
    [Range(8, 16_384)]
    public int Hidden { get; init; } = 1024;

    /// <summary>Channels of the feature maps up to 16x16; the MLP has none.</summary>
    [Range(4, 1024)]
    public int Width { get; init; } = 32;

    /// <summary>Chooses buckets and signs of the hashing.</summary>
    public ulong SketchSeed { get; init; }

    /// <inheritdoc/>
    public string? Fault => Kind == InverterKind.Layered && Hidden % LayeredInverter.Heads != 0
        ? $"A token is divided among {LayeredInverter.Heads} heads: give a hidden size that is a multiple of it."
        : Kind == InverterKind.Backprojection && Batch > 1
        ? "What is carried back to the pixels of a batch shows all its images at once: \"backprojection\" reads single images." : null;

    /// <summary>Sides of the feature maps, each twice the one before; the first is at least 4.</summary>
    internal IReadOnlyList<int> Sides
    {
        get
        {
            var sides = new List<int> { Side };
            while (sides[0] % 2 == 0 && sides[0] / 2 >= Smallest)
                sides.Insert(0, sides[0] / 2);
            return sides;
        }
    }

    /// <summary>Channels of the feature map of a side.</summary>
    internal int ChannelsAt(int side) => side <= 16 ? Width : Math.Max(4, Width * 16 / side);

    /// <summary>What the network is given of the updates of a model, which is borrowed.</summary>
    internal UpdateReading Reading(VictimModel model) => Kind == InverterKind.Backprojection
        ? new Backprojection(model, UpdatePairs.Gradient(model))
        : new UpdateSketch(model.Layout, Size, Kind == InverterKind.Layered, SketchSeed);

    /// <summary>Whether an update can have parts of these widths.</summary>
    internal bool Allows(ValueList<int> widths) => widths.Count > 0 && widths.All(width => width > 0)
        && (Kind == InverterKind.Backprojection ? widths.Count < 10_000 && widths.All(width => width == Channels * Side * Side)
            : widths.Sum(width => (long)width) <= (long)Size + widths.Count);

    /// <summary>The network over parts of these widths.</summary>
    internal InverterNetwork Network(ValueList<int> widths) => Kind switch
    {
        InverterKind.Mlp => new DenseInverter(this, widths),
        InverterKind.Convolutional => new ConvolutionalInverter(this, widths),
        InverterKind.Backprojection => new BackprojectedInverter(this, widths),
        _ => new LayeredInverter(this, widths),
    };
}
