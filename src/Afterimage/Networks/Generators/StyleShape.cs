using System.Numerics;

namespace Afterimage.Networks;

/// <summary>The layers of a style generator.</summary>
public sealed record StyleShape : ISettings
{
    /// <summary>Side of the first feature map.</summary>
    internal const int Smallest = 4;

    /// <summary>Channels of an image.</summary>
    [Range(1, 16)]
    public int Channels { get; init; } = 3;

    /// <summary>Side of an image in pixels: 8, 16, 32, 64, 128 or 256.</summary>
    [AllowedValues(8, 16, 32, 64, 128, 256)]
    public int Side { get; init; } = 32;

    /// <summary>How many classes it knows; 0 where it is unconditional.</summary>
    [Range(0, 100_000)]
    public int Classes { get; init; }

    /// <summary>Numbers of a latent, and of the intermediate latent from which every layer takes its style.</summary>
    [Range(1, 4096)]
    public int Latent { get; init; } = 64;

    /// <summary>Channels of the feature maps up to 16x16; every further doubling of the side halves them. Best a multiple of 32.</summary>
    [Range(4, 1024)]
    public int Width { get; init; } = 64;

    /// <summary>Linear layers of the mapping network.</summary>
    [Range(1, 16)]
    public int Mapping { get; init; } = 2;

    /// <summary>Seed of the fixed noise, which takes the place of training's fresh one.</summary>
    public ulong NoiseSeed { get; init; }

    /// <inheritdoc/>
    public string? Fault => null;

    /// <summary>Sides of the feature maps: 4, 8, ...</summary>
    internal IEnumerable<int> Sides => Enumerable.Range(0, BitOperations.Log2((uint)(Side / Smallest)) + 1).Select(i => Smallest << i);

    /// <summary>Channels of the feature map of a side.</summary>
    internal int ChannelsAt(int side) => side <= 16 ? Width : Math.Max(4, Width * 16 / side);

    /// <summary>The 3x3 convolutions in their order: name, side, channels in and out.</summary>
    internal IEnumerable<(string Name, int Side, int Inputs, int Outputs)> Convolutions => Sides.SelectMany(side =>
    {
        var outputs = ChannelsAt(side);
        (string, int, int, int) last = ($"conv{side}", side, outputs, outputs);
        return side == Smallest ? new[] { last } : [($"up{side}", side, ChannelsAt(side / 2), outputs), last];
    });

    internal TensorLayout Layout => new(Tensors());

    private IEnumerable<(string, long[])> Tensors()
    {
        for (var layer = 0; layer < Mapping; layer++)
        {
            yield return ($"mapping{layer}.weight", [Latent, layer == 0 ? Latent + (Classes > 0 ? Latent : 0) : Latent]);
            yield return ($"mapping{layer}.bias", [Latent]);
        }
        if (Classes > 0)
            yield return ("classes.weight", [Latent, Classes]);
        yield return ("constant", [1, ChannelsAt(Smallest), Smallest, Smallest]);
        foreach (var (name, _, inputs, outputs) in Convolutions)
        {
            yield return ($"{name}.style.weight", [inputs, Latent]);
            yield return ($"{name}.style.bias", [inputs]);
            yield return ($"{name}.weight", [outputs, inputs, 3, 3]);
            yield return ($"{name}.bias", [outputs]);
            yield return ($"{name}.noise", [1]);
        }
        foreach (var side in Sides)
        {
            yield return ($"rgb{side}.style.weight", [ChannelsAt(side), Latent]);
            yield return ($"rgb{side}.style.bias", [ChannelsAt(side)]);
            yield return ($"rgb{side}.weight", [Channels, ChannelsAt(side), 1, 1]);
            yield return ($"rgb{side}.bias", [Channels]);
        }
    }
}
