namespace Afterimage.Attacks;

/// <summary>What the layers of a chain see of procedural images, in single precision.</summary>
internal sealed class ProceduralFeatures
{
    /// <summary>Of the regressions, relative to the mean square of features; the last guess needs none.</summary>
    private static readonly double[] Ridges = [0.01, 0.1];

    private readonly RectifiedChain chain;
    private readonly Tensor images;
    private readonly int batch;

    /// <param name="chain">Whose layers.</param>
    /// <param name="images">[N,C,H,W] in [0,1], single precision.</param>
    /// <param name="batch">Images that pass at once.</param>
    public ProceduralFeatures(RectifiedChain chain, Tensor images, int batch)
    {
        (this.chain, this.images, this.batch) = (chain, images, batch);
        Pieces = [.. chain.Pieces.Select(piece => piece.To(ScalarType.Float32))];
    }

    public IReadOnlyList<RectifiedPiece> Pieces { get; }

    /// <summary>
    /// Guesses of what a piece takes in, [1,C,H,W] with their variances in double precision: by ridge regression on what leaves it, whose
    /// errors are those for images left out, and at last the mean of all.
    /// </summary>
    public IEnumerable<(Tensor Mean, Tensor Variance)> Inputs(int piece, Tensor leaving)
    {
        var (inputs, features) = Pairs(piece);
        var (mean, typical) = (inputs.mean([0], keepdim: true), features.mean([0], keepdim: true));
        var (varied, told) = (inputs - mean, features - typical);
        var gram = told.matmul(told.t());
        (Tensor, Tensor) Guess(double ridge)
        {
            using var scope = Tidy.Scope();
            var inverse = Factorization.Inverse(
                gram + eye(gram.shape[0], dtype: gram.dtype) * (ridge * gram.diagonal().mean() + 1e-300), "The Gram matrix of features");
            var hat = gram.matmul(inverse);
            var errors = (varied - hat.matmul(varied)) / (1 - hat.diagonal()).unsqueeze(1);
            var guess = mean + (leaving.flatten(1) - typical).matmul(told.t()).matmul(inverse).matmul(varied);
            return (Shaped(piece > 0 ? guess.clamp_min(0) : guess).MoveToOuterDisposeScope(),
                Shaped(errors.square().mean([0], keepdim: true)).MoveToOuterDisposeScope());
        }
        foreach (var ridge in Ridges)
            yield return Guess(ridge);
        yield return (Shaped(mean), Shaped(varied.square().mean([0], keepdim: true)));

        Tensor Shaped(Tensor flat) => flat.reshape([1, .. Pieces[piece].Input]);
    }

    /// <summary>What a piece takes in and what leaves it, an image a row.</summary>
    private (Tensor Inputs, Tensor Features) Pairs(int piece)
    {
        var pairs = Batches(images.shape[0]).Select(part =>
        {
            using var scope = Tidy.Scope();
            var x = Pieces.Take(piece).Aggregate(chain.Model.Normalize(part), (x, before) => before.Forward(x));
            return (Inputs: x.flatten(1).to(ScalarType.Float64).MoveToOuterDisposeScope(),
                Features: Pieces[piece].Forward(x).flatten(1).to(ScalarType.Float64).MoveToOuterDisposeScope());
        }).ToList();
        return (cat([.. pairs.Select(pair => pair.Inputs)]), cat([.. pairs.Select(pair => pair.Features)]));
    }

    /// <summary>What leaves a piece, an image each.</summary>
    public Tensor Leaving(int piece) => Tidy.Keep(() => cat([.. Batches(images.shape[0]).Select(part => Tidy.Keep(() =>
        Pieces.Take(piece + 1).Aggregate(chain.Model.Normalize(part), (x, before) => before.Forward(x))))]));

    /// <summary>Batches of images with their features behind so many pieces and a last one.</summary>
    public IEnumerable<(Tensor Images, Tensor Features)> Examples(int depth, LastPiece last)
    {
        foreach (var part in Batches(images.shape[0]))
        {
            Tensor Through() => Pieces.Take(depth).Aggregate(chain.Model.Normalize(part), (x, piece) => piece.Forward(x));
            yield return (part, Tidy.Keep(() => last.Features(Through())));
        }
    }

    private IEnumerable<Tensor> Batches(long total)
    {
        for (var from = 0L; from < total; from += batch)
            yield return images.narrow(0, from, Math.Min(batch, total - from));
    }
}
