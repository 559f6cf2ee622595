namespace Afterimage.Models;

/// <summary>The pixels of an image as tokens, row by row: [C,H,W] to [HW,C].</summary>
public sealed record ImageToTokens : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape is [var channels, var height, var width] ? [height * width, channels]
        : throw new AfterimageException($"Tokens are made of an image, but what is given has shape [{string.Join(",", shape)}].");
}

/// <summary>Tokens as the pixels of an image, row by row: [HW,C] to [C,H,W]; features are one token.</summary>
/// <param name="Height">Rows of the image.</param>
/// <param name="Width">Columns of the image.</param>
public sealed record TokensToImage(int Height, int Width) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape switch
    {
        [var tokens, var features] when tokens == (long)Height * Width => [features, Height, Width],
        [var features] when Height * Width == 1 => [features, 1, 1],
        _ => throw new AfterimageException($"An image of {Height}x{Width} pixels needs as many tokens, but what reaches it has shape " +
            $"[{string.Join(",", shape)}]."),
    };
}

/// <summary>Some consecutive tokens, such as the class token alone: [N,D] to [count,D].</summary>
/// <param name="First">The first that is taken, from 0 on.</param>
/// <param name="Count">How many are taken.</param>
public sealed record TokenRange(int First, int Count) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) =>
        shape is [var tokens, var features] && First >= 0 && Count > 0 && First + (long)Count <= tokens ? [Count, features]
            : throw new AfterimageException($"Tokens {First} to {First + (long)Count - 1} are taken, but what is given has shape " +
                $"[{string.Join(",", shape)}].");
}

/// <summary>The mean of all tokens, [N,D] to [D].</summary>
public sealed record TokenMean : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape is [_, var features] ? [features]
        : throw new AfterimageException($"A mean is taken over tokens, but what is given has shape [{string.Join(",", shape)}].");
}

/// <summary>Learned tokens in front of the others, as the class token of a vision transformer: [N,D] to [K+N,D].</summary>
/// <param name="Name">The parameter's own name in the state dict.</param>
/// <param name="Shape">The parameter's shape, whose last dimensions are [K,D].</param>
public sealed record ClassToken(string Name, ValueList<long> Shape) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters => [new(Name, Shape, 0, ParameterRole.Embedding)];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape is [var tokens, var features] && Shape.SkipLast(2).All(size => size == 1)
        && Shape[^1] == features ? [(Shape.Count > 1 ? Shape[^2] : 1) + tokens, features]
        : throw new AfterimageException($"The tokens {Name} of shape [{string.Join(",", Shape)}] do not go in front of " +
            $"[{string.Join(",", shape)}].");
}

/// <summary>A learned term of each number, as the positional embedding of a vision transformer.</summary>
/// <param name="Name">The parameter's own name in the state dict.</param>
/// <param name="Shape">The parameter's shape, which broadcasts to the input as PyTorch's do: [1,N,D] for tokens.</param>
public sealed record PositionalEmbedding(string Name, ValueList<long> Shape) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters => [new(Name, Shape, 0, ParameterRole.Embedding)];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => Broadcasts(Shape, shape) ? shape
        : throw new AfterimageException($"The embedding {Name} of shape [{string.Join(",", Shape)}] does not broadcast to " +
            $"[{string.Join(",", shape)}], which reaches it.");
}

/// <summary>
/// Scaled dot-product attention (Vaswani et al., 2017) of tokens with one another, softmax(scale q k') v for each head: [N,3D] to [N,D].
/// The input holds queries, keys and values side by side, D each, and of each of them one head after the other; the projections in front
/// and behind are linear layers.
/// </summary>
/// <param name="Heads">Heads, a divisor of D.</param>
/// <param name="Scale">Factor of the products, as a rule one over the root of the features of a head.</param>
public sealed record Attention(int Heads, double Scale) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) =>
        shape is [var tokens, var packed] && Heads > 0 && packed % (3L * Heads) == 0 ? [tokens, packed / 3]
            : throw new AfterimageException($"An attention of {Heads} heads takes queries, keys and values side by side, " +
                $"but what reaches it has shape [{string.Join(",", shape)}].");
}
