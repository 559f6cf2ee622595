using System.Numerics;

namespace Afterimage.Networks;

/// <summary>The layers of a variational autoencoder.</summary>
public sealed record AutoencoderShape : ISettings
{
    /// <summary>Side of the smallest feature map.</summary>
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

    /// <summary>Numbers of a latent.</summary>
    [Range(1, 4096)]
    public int Latent { get; init; } = 64;

    /// <summary>Channels of the feature maps up to 16x16; every further doubling of the side halves them.</summary>
    [Range(4, 1024)]
    public int Width { get; init; } = 64;

    /// <inheritdoc/>
    public string? Fault => null;

    /// <summary>Sides of the feature maps: 4, 8, ...</summary>
    internal IEnumerable<int> Sides => Enumerable.Range(0, BitOperations.Log2((uint)(Side / Smallest)) + 1).Select(i => Smallest << i);

    /// <summary>Channels of the feature map of a side.</summary>
    internal int ChannelsAt(int side) => side <= 16 ? Width : Math.Max(4, Width * 16 / side);

    /// <summary>The parameters that draw images.</summary>
    internal TensorLayout Decoder => new(DecoderTensors());

    /// <summary>The parameters that read latents from images; needed in training alone.</summary>
    internal TensorLayout Encoder => new(EncoderTensors());

    private IEnumerable<(string, long[])> DecoderTensors()
    {
        yield return ("dense.weight", [Width * Smallest * Smallest, Latent + Classes]);
        yield return ("dense.bias", [Width * Smallest * Smallest]);
        foreach (var side in Sides)
        {
            var channels = ChannelsAt(side);
            yield return ($"first{side}.weight", [channels, side == Smallest ? Width : ChannelsAt(side / 2), 3, 3]);
            yield return ($"first{side}.bias", [channels]);
            yield return ($"second{side}.weight", [channels, channels, 3, 3]);
            yield return ($"second{side}.bias", [channels]);
        }
        yield return ("rgb.weight", [Channels, ChannelsAt(Side), 1, 1]);
        yield return ("rgb.bias", [Channels]);
    }

    private IEnumerable<(string, long[])> EncoderTensors()
    {
        yield return ("rgb.weight", [ChannelsAt(Side), Channels + Classes, 3, 3]);
        yield return ("rgb.bias", [ChannelsAt(Side)]);
        foreach (var side in Sides.Skip(1).Reverse())
        {
            yield return ($"down{side}.weight", [ChannelsAt(side / 2), ChannelsAt(side), 4, 4]);
            yield return ($"down{side}.bias", [ChannelsAt(side / 2)]);
        }
        yield return ("head.weight", [2 * Latent, Width * Smallest * Smallest]);
        yield return ("head.bias", [2 * Latent]);
    }
}
