namespace Afterimage.Attacks.Rectified;

/// <summary>What the layers of a chain see of procedural images, in single precision.</summary>
internal sealed class ProceduralFeatures
{
    // Moments need fewer images than a regression.
    private const int MostForMoments = 200;

    private readonly RectifiedChain chain;
    private readonly Tensor images;
    private readonly int batch;
    private readonly Tensor[] sums;
    private readonly Tensor[] squares;
    private readonly long count;

    /// <param name="chain">Whose layers.</param>
    /// <param name="images">[N,C,H,W] in [0,1], single precision.</param>
    /// <param name="batch">Images that pass at once.</param>
    public ProceduralFeatures(RectifiedChain chain, Tensor images, int batch)
    {
        (this.chain, this.images, this.batch) = (chain, images, batch);
        Blocks = [.. chain.Blocks.Select(block => block.To(ScalarType.Float32))];
        sums = [.. chain.Blocks.Select(block => zeros([1, .. block.Input], ScalarType.Float64))];
        squares = [.. sums.Select(sum => zeros_like(sum))];
        count = Math.Min(images.shape[0], MostForMoments);
        foreach (var part in Batches(count))
        {
            using var scope = Tidy.Scope();
            var x = chain.Normalize(part);
            for (var i = 0; i < Blocks.Count; i++)
            {
                var wide = x.to(ScalarType.Float64);
                sums[i].add_(wide.sum([0], keepdim: true));
                squares[i].add_(wide.square().sum([0], keepdim: true));
                x = Blocks[i].Forward(x);
            }
        }
    }

    public IReadOnlyList<RectifiedBlock> Blocks { get; }

    /// <summary>Mean and variance of what a block takes in, [1,C,H,W] each, in double precision.</summary>
    public (Tensor Mean, Tensor Variance) Inputs(int block)
    {
        var mean = sums[block] / count;
        return (mean, (squares[block] / count - mean.square()).clamp_min(0));
    }

    /// <summary>Batches of images with their features behind so many blocks.</summary>
    public IEnumerable<(Tensor Images, Tensor Features)> Examples(int depth)
    {
        foreach (var part in Batches(images.shape[0]))
            yield return (part, Tidy.Keep(() => Blocks.Take(depth).Aggregate(chain.Normalize(part), (x, block) => block.Forward(x))));
    }

    private IEnumerable<Tensor> Batches(long total)
    {
        for (var from = 0L; from < total; from += batch)
            yield return images.narrow(0, from, Math.Min(batch, total - from));
    }
}
