namespace Afterimage.Networks;

/// <summary>The layers of a diffusion model's U-Net, which works on blocks of 2x2 pixels.</summary>
public sealed record DiffusionShape : ISettings
{
    /// <summary>Resolutions of the U-Net, each half of the one before.</summary>
    internal const int Levels = 3;

    /// <summary>Numbers in which the noise level is written.</summary>
    internal const int Frequencies = 16;

    /// <summary>Channels of an image.</summary>
    [Range(1, 16)]
    public int Channels { get; init; } = 3;

    /// <summary>Side of an image in pixels: 8, 16, 32, 64, 128 or 256.</summary>
    [AllowedValues(8, 16, 32, 64, 128, 256)]
    public int Side { get; init; } = 32;

    /// <summary>How many classes it knows; 0 where it is unconditional.</summary>
    [Range(0, 100_000)]
    public int Classes { get; init; }

    /// <summary>Channels of the finest feature maps; the coarser ones have twice as many.</summary>
    [Range(4, 1024)]
    public int Width { get; init; } = 48;

    /// <inheritdoc/>
    public string? Fault => null;

    internal int ChannelsAt(int level) => level == 0 ? Width : 2 * Width;

    /// <summary>The residual blocks in their order: name, channels in and out.</summary>
    internal IEnumerable<(string Name, int Inputs, int Outputs)> Blocks =>
    [
        .. Enumerable.Range(0, Levels).Select(level => ($"down{level}", ChannelsAt(Math.Max(0, level - 1)), ChannelsAt(level))),
        ("middle", ChannelsAt(Levels - 1), ChannelsAt(Levels - 1)),
        .. Enumerable.Range(0, Levels).Reverse()
            .Select(level => ($"up{level}", ChannelsAt(level) + ChannelsAt(Math.Min(Levels - 1, level + 1)), ChannelsAt(level))),
    ];

    internal TensorLayout Layout => new(Tensors());

    private IEnumerable<(string, long[])> Tensors()
    {
        var embedded = 2 * Width;
        yield return ("level0.weight", [embedded, 2 * Frequencies]);
        yield return ("level0.bias", [embedded]);
        yield return ("level1.weight", [embedded, embedded]);
        yield return ("level1.bias", [embedded]);
        if (Classes > 0)
            yield return ("classes.weight", [embedded, Classes]);
        yield return ("in.weight", [Width, 4 * Channels, 3, 3]);
        yield return ("in.bias", [Width]);
        foreach (var (name, inputs, outputs) in Blocks)
        {
            yield return ($"{name}.norm0.scale", [inputs]);
            yield return ($"{name}.norm0.bias", [inputs]);
            yield return ($"{name}.conv0.weight", [outputs, inputs, 3, 3]);
            yield return ($"{name}.conv0.bias", [outputs]);
            yield return ($"{name}.embedding.weight", [2 * outputs, embedded]);
            yield return ($"{name}.embedding.bias", [2 * outputs]);
            yield return ($"{name}.norm1.scale", [outputs]);
            yield return ($"{name}.norm1.bias", [outputs]);
            yield return ($"{name}.conv1.weight", [outputs, outputs, 3, 3]);
            yield return ($"{name}.conv1.bias", [outputs]);
            if (inputs != outputs)
                yield return ($"{name}.skip.weight", [outputs, inputs, 1, 1]);
        }
        yield return ("out.norm.scale", [Width]);
        yield return ("out.norm.bias", [Width]);
        yield return ("out.weight", [4 * Channels, Width, 3, 3]);
        yield return ("out.bias", [4 * Channels]);
    }
}
