namespace Afterimage.Models;

/// <summary>
/// Layer normalization (Ba et al., 2016): every set of numbers along the last dimensions by its own mean and variance, then a scale and a
/// shift of each place. One dimension normalizes every token; the channels of an image are normalized as those of tokens
/// (<see cref="ImageToTokens"/>, <see cref="TokensToImage"/>).
/// </summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Shape">The last dimensions of the input, over which mean and variance are taken.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Affine">Whether it has a scale of each place.</param>
/// <param name="Bias">Whether it has a shift of each place too.</param>
public sealed record LayerNorm(string Name, ValueList<long> Shape, double Epsilon = 1e-5, bool Affine = true, bool Bias = true) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            if (Affine)
                yield return new($"{Name}.weight", Shape, 0, ParameterRole.NormalizationWeight);
            if (Affine && Bias)
                yield return new($"{Name}.bias", Shape, 0, ParameterRole.NormalizationBias);
        }
    }

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) =>
        Shape.Count is var count and > 0 && count <= shape.Length && shape[^count..].SequenceEqual(Shape) ? shape
            : throw new AfterimageException($"The LayerNorm {Name} takes [{string.Join(",", Shape)}] as last dimensions, " +
                $"but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>
/// A learned factor of each channel, as behind the branches of ConvNeXt and CaiT (Touvron et al., 2021), or of each number.
/// </summary>
/// <param name="Name">The parameter's own name in the state dict.</param>
/// <param name="Shape">The parameter's shape, which broadcasts to the input as PyTorch's do: [C,1,1] for images, [D] for tokens.</param>
public sealed record LayerScale(string Name, ValueList<long> Shape) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters => [new(Name, Shape, 0, ParameterRole.NormalizationWeight)];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => Broadcasts(Shape, shape) ? shape
        : throw new AfterimageException($"The layer scale {Name} of shape [{string.Join(",", Shape)}] does not broadcast to " +
            $"[{string.Join(",", shape)}], which reaches it.");
}
