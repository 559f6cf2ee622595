namespace Afterimage.Attacks.Rectified;

/// <summary>
/// What a few blocks make of an image, as a function that is linear between kinks. Products belong to the point of the last
/// <see cref="At"/>.
/// </summary>
internal sealed class FeatureMap(RectifiedChain chain, IReadOnlyList<RectifiedBlock> blocks) : IDisposable
{
    private readonly Tensor?[] winners = new Tensor?[blocks.Count];
    private readonly Tensor?[] gates = new Tensor?[blocks.Count];

    /// <param name="images">[1,C,H,W] in [0,1], in the precision of the blocks.</param>
    public Tensor At(Tensor images) => Tidy.Keep(() =>
    {
        var x = chain.Normalize(images);
        for (var i = 0; i < blocks.Count; i++)
        {
            x = blocks[i].Pooled(blocks[i].Before(x), ref winners[i]);
            Kept.Replace(ref gates[i], (x > 0).to(x.dtype));
            x = x * gates[i]!;
        }
        return x;
    });

    /// <summary>The change along a change of the images.</summary>
    public Tensor Push(Tensor change) => Tidy.Keep(() =>
    {
        var x = change / chain.Deviation(change);
        for (var i = 0; i < blocks.Count; i++)
            x = blocks[i].Picked(blocks[i].Multiply(x), winners[i]) * gates[i]!;
        return x;
    });

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor features) => Tidy.Keep(() =>
    {
        var y = features;
        for (var i = blocks.Count - 1; i >= 0; i--)
            y = blocks[i].Transpose(blocks[i].Spread(y * gates[i]!, winners[i]));
        return y / chain.Deviation(y);
    });

    public void Dispose()
    {
        foreach (var tensor in winners.Concat(gates))
            tensor?.Dispose();
    }
}

/// <summary>Tensors that outlive the scope that made them.</summary>
internal static class Kept
{
    public static void Replace(ref Tensor? place, Tensor value)
    {
        place?.Dispose();
        place = value.DetachFromDisposeScope();
    }
}
