namespace Afterimage.Models;

/// <summary>body(x) + shortcut(x).</summary>
/// <param name="Body">The layers of the body.</param>
/// <param name="Shortcut">The layers of the shortcut; none for the identity.</param>
public sealed record Residual(ValueList<Layer> Body, ValueList<Layer> Shortcut) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ValueList<Layer>> Branches => [Body, Shortcut];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape)
    {
        var body = Body.Aggregate(shape, (current, layer) => layer.Follow(current));
        var shortcut = Shortcut.Aggregate(shape, (current, layer) => layer.Follow(current));
        return body.SequenceEqual(shortcut) ? body
            : throw new AfterimageException($"A residual adds [{string.Join(",", body)}] to [{string.Join(",", shortcut)}].");
    }
}

/// <summary>
/// The channels of all parts, one after the other (DenseNet; Huang et al., 2017), or the features of every token.
/// </summary>
/// <param name="Parts">The layers of each part; none for the identity.</param>
public sealed record Concatenation(ValueList<ValueList<Layer>> Parts) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ValueList<Layer>> Branches => Parts;

    /// <inheritdoc/>
    public override long[] Follow(long[] shape)
    {
        var parts = Parts.Select(part => part.Aggregate(shape, (current, layer) => layer.Follow(current))).ToList();
        return parts is [[_, var height, var width], ..]
                && parts.All(part => part is [_, var rows, var columns] && (rows, columns) == (height, width))
            ? [parts.Sum(part => part[0]), height, width]
            : parts is [[.. var tokens, _], ..] && parts.All(part => part.Length < 3 && part.SkipLast(1).SequenceEqual(tokens))
            ? [.. tokens, parts.Sum(part => part[^1])]
            : throw new AfterimageException("A concatenation joins " +
                $"{string.Join(" and ", parts.Select(part => $"[{string.Join(",", part)}]"))}, which are not images of one size or as " +
                "many tokens.");
    }
}

/// <summary>
/// x times a factor that is computed from it, one for each channel (squeeze-and-excitation; Hu et al., 2018) or each number.
/// </summary>
/// <param name="Factor">The layers of the factor, to [C,1,1] or to the shape of x.</param>
public sealed record Scaled(ValueList<Layer> Factor) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ValueList<Layer>> Branches => [Factor];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape)
    {
        var factor = Factor.Aggregate(shape, (current, layer) => layer.Follow(current));
        return factor.SequenceEqual(shape) || (shape.Length == 3 && factor.SequenceEqual([shape[0], 1, 1])) ? shape
            : throw new AfterimageException($"[{string.Join(",", shape)}] is multiplied by [{string.Join(",", factor)}].");
    }
}
