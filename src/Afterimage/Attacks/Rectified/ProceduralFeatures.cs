namespace Afterimage.Attacks.Rectified;

/// <summary>What the layers of a chain see of procedural images, in single precision.</summary>
internal sealed class ProceduralFeatures
{
    // Moments need fewer images than a regression.
    private const int MostForMoments = 200;

    private readonly RectifiedChain chain;
    private readonly Tensor images;
    private readonly int batch;
    private readonly Lazy<(Tensor[] Sums, Tensor[] Squares)> moments;
    private readonly long count;

    /// <param name="chain">Whose layers.</param>
    /// <param name="images">[N,C,H,W] in [0,1], single precision.</param>
    /// <param name="batch">Images that pass at once.</param>
    public ProceduralFeatures(RectifiedChain chain, Tensor images, int batch)
    {
        (this.chain, this.images, this.batch) = (chain, images, batch);
        Pieces = [.. chain.Pieces.Select(piece => piece.To(ScalarType.Float32))];
        count = Math.Min(images.shape[0], MostForMoments);
        moments = new(Moments);
    }

    public IReadOnlyList<RectifiedPiece> Pieces { get; }

    /// <summary>Mean and variance of what a piece takes in, [1,C,H,W] each, in double precision.</summary>
    public (Tensor Mean, Tensor Variance) Inputs(int piece)
    {
        var (sums, squares) = moments.Value;
        var mean = sums[piece] / count;
        return (mean, (squares[piece] / count - mean.square()).clamp_min(0));
    }

    private (Tensor[] Sums, Tensor[] Squares) Moments()
    {
        Tensor[] sums = [.. chain.Pieces.Select(piece => zeros([1, .. piece.Input], ScalarType.Float64))];
        Tensor[] squares = [.. sums.Select(sum => zeros_like(sum))];
        foreach (var part in Batches(count))
        {
            using var scope = Tidy.Scope();
            var x = chain.Normalize(part);
            for (var i = 0; i < Pieces.Count; i++)
            {
                var wide = x.to(ScalarType.Float64);
                sums[i].add_(wide.sum([0], keepdim: true));
                squares[i].add_(wide.square().sum([0], keepdim: true));
                x = Pieces[i].Forward(x);
            }
        }
        return (sums, squares);
    }

    /// <summary>Batches of images with their features behind so many pieces and a last one.</summary>
    public IEnumerable<(Tensor Images, Tensor Features)> Examples(int depth, LastPiece last)
    {
        foreach (var part in Batches(images.shape[0]))
            yield return (part, Tidy.Keep(() => last.Features(Pieces.Take(depth).Aggregate(chain.Normalize(part), (x, piece) => piece.Forward(x)))));
    }

    private IEnumerable<Tensor> Batches(long total)
    {
        for (var from = 0L; from < total; from += batch)
            yield return images.narrow(0, from, Math.Min(batch, total - from));
    }
}
