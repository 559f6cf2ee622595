using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// Where a vision transformer turns an image into tokens: a convolution whose windows do not overlap, and learned positions.
/// </summary>
/// <param name="Weight">Place of the convolution's weight in the layout, [features,C,side,side].</param>
/// <param name="Bias">Place of its bias; null without one.</param>
/// <param name="Positions">Place of the positional embedding, [...,tokens,features].</param>
/// <param name="Tokens">Positions that it has.</param>
/// <param name="Image">Shape of one image.</param>
/// <param name="Side">Pixels of a side of a patch.</param>
internal sealed record PatchEmbedding(int Weight, int? Bias, int Positions, long Tokens, ImageShape Image, int Side)
{
    /// <summary>Tokens in front of or behind those of the patches, such as the class token, at most.</summary>
    private const int MostOthers = 8;

    public long Patches => (long)(Image.Height / Side) * (Image.Width / Side);

    /// <summary>By the shapes of the parameters; null where they do not fit such a network.</summary>
    public static PatchEmbedding? Of(VictimModel model)
    {
        var entries = model.Layout.Entries;
        var weight = Enumerable.Range(0, entries.Count).FirstOrDefault(i => entries[i].Shape.Length == 4, -1);
        if (weight < 0 || entries[weight].Shape is not [var features, var channels, var side, var other] || side != other || side < 2
            || channels != model.Input.Channels || model.Input.Height % side != 0 || model.Input.Width % side != 0)
            return null;
        var found = new PatchEmbedding(weight,
            weight + 1 < entries.Count && entries[weight + 1].Shape is [var biases] && biases == features ? weight + 1 : null,
            -1, 0, model.Input, (int)side);
        var positions = Enumerable.Range(0, entries.Count).FirstOrDefault(i => Fits(entries[i].Shape) && IsAdded(entries[i].Name), -1);
        return positions < 0 ? null : found with { Positions = positions, Tokens = entries[positions].Shape[^2] };

        bool Fits(long[] shape) => shape is [.. var ones, var tokens, var width] && ones.All(size => size == 1) && width == features
            && tokens >= found.Patches && tokens <= found.Patches + MostOthers;

        // Of known layers it is known which one is added; of a script the shapes tell.
        bool IsAdded(string name) => model.Network is not { } network
            || network.Layers.Any(layer => layer is PositionalEmbedding embedding && embedding.Name == name);
    }

    /// <summary>An image [1,C,H,W] as rows of patches, [patches,numbers of one].</summary>
    public Tensor Split(Tensor image) =>
        image.reshape(Image.Channels, Image.Height / Side, Side, Image.Width / Side, Side).permute(1, 3, 0, 2, 4).reshape(Patches, -1);

    /// <summary>The inverse of <see cref="Split"/>.</summary>
    public Tensor Join(Tensor patches) =>
        patches.reshape(Image.Height / Side, Image.Width / Side, Image.Channels, Side, Side).permute(2, 0, 3, 1, 4)
            .reshape(1, Image.Channels, Image.Height, Image.Width);
}
