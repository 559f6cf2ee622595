namespace Afterimage.Attacks.Rectified;

/// <summary>
/// Features behind the last of a few blocks, without its ReLU, as a function of the image: linear between kinks. Products belong to the
/// point of the last <see cref="At"/>.
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
            x = blocks[i].Before(x);
            if (blocks[i].Pool is { } pool)
            {
                (x, var places) = nn.functional.max_pool2d_with_indices(x, [pool.Kernel, pool.Kernel], [pool.Stride, pool.Stride]);
                Keep(ref winners[i], places.flatten(2));
            }
            if (i == blocks.Count - 1)
                continue;
            var gate = (x > 0).to(x.dtype);
            Keep(ref gates[i], gate);
            x = x * gate;
        }
        return x;
    });

    /// <summary>The change along a change of the images.</summary>
    public Tensor Push(Tensor change) => Tidy.Keep(() =>
    {
        var x = change / chain.Deviation(change);
        for (var i = 0; i < blocks.Count; i++)
        {
            x = blocks[i].Multiply(x);
            if (winners[i] is { } places)
                x = x.flatten(2).gather(2, places).reshape([1, .. blocks[i].Leaving]);
            if (i < blocks.Count - 1)
                x = x * gates[i]!;
        }
        return x;
    });

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor features) => Tidy.Keep(() =>
    {
        var y = features;
        for (var i = blocks.Count - 1; i >= 0; i--)
        {
            if (i < blocks.Count - 1)
                y = y * gates[i]!;
            if (winners[i] is { } places)
                y = zeros([1, blocks[i].Output[0], blocks[i].Output[1] * blocks[i].Output[2]], y.dtype)
                    .scatter_add_(2, places, y.flatten(2)).reshape([1, .. blocks[i].Output]);
            y = blocks[i].Transpose(y);
        }
        return y / chain.Deviation(y);
    });

    private static void Keep(ref Tensor? place, Tensor value)
    {
        place?.Dispose();
        place = value.DetachFromDisposeScope();
    }

    public void Dispose()
    {
        foreach (var tensor in winners.Concat(gates))
            tensor?.Dispose();
    }
}
