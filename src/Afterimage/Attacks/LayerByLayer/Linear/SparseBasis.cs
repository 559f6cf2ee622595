namespace Afterimage.Attacks;

/// <summary>
/// Looks for the sparse vectors in the column space of D: unit vectors q for which (Left / Singular) q is zero on many rows, as a
/// sample's column of D is wherever ReLU switched it off. Of all that were ever offered it keeps the sparsest independent ones: the
/// greedy choice is optimal, and needs no other candidate again, for independence is a matroid.
/// </summary>
internal sealed class SparseBasis
{
    /// <summary>A row is called zero within this many standard deviations of the noise.</summary>
    private const double Deviations = 8;

    private const int Steps = 60;

    private readonly GradientFactors factors;
    private readonly Tensor white;
    private readonly Tensor products;
    private List<(double[] Direction, long Zeros)> chosen = [];

    public SparseBasis(GradientFactors factors)
    {
        this.factors = factors;
        white = factors.Left / factors.Singular;
        products = (white.unsqueeze(2) * white.unsqueeze(1)).view(Rows, -1);
    }

    private long Rows => white.shape[0];

    private int Size => factors.Rank;

    /// <summary>Zeros of all chosen directions together: what a search raises.</summary>
    public long Zeros => chosen.Sum(item => item.Zeros);

    /// <summary>D = Left P, up to the scale of each column; directions not found yet are filled in at random.</summary>
    public Tensor Mixing()
    {
        var q = chosen.Count == 0 ? zeros([1, Size], ScalarType.Float64) : stack(chosen.Select(item => tensor(item.Direction)));
        if (chosen.Count < Size)
        {
            var whole = Factorization.Svd(q, "The set of directions found", full: true).Vh;
            q = cat([q.narrow(0, 0, chosen.Count), whole.narrow(0, chosen.Count, Size - chosen.Count)]);
        }
        return (q / factors.Singular).t();
    }

    /// <summary>
    /// Sparse dictionary learning (after Bakarsky et al., 2025): many random unit vectors at once descend sum |white q|, then sum
    /// log |white q|, by reweighted least squares with inverse iteration.
    /// </summary>
    public void Learn(int starts, RandomSource random)
    {
        using var scope = Tidy.Scope();
        using var generator = random.Generator(CPU);
        Descend(randn([starts, Size], ScalarType.Float64, CPU, generator: generator), 0);
    }

    /// <summary>
    /// For each image the direction closest to zero where the image switches ReLU off, once by all such neurons alike and once by how far
    /// off they are; then the nearest sparse ones.
    /// </summary>
    /// <param name="before">What enters ReLU, shape [rows, images].</param>
    public void Follow(Tensor before)
    {
        using var scope = Tidy.Scope();
        // A mixture without a bias entry stands for no image.
        before = before.nan_to_num(0, 0, 0);
        var weights = cat([before.lt(0).to(ScalarType.Float64), (-before).relu()], 1).t();
        var (_, vectors) = Factorization.Eigen(weights.matmul(products).view(-1, Size, Size), "The second moment where ReLU is off");
        var starts = vectors[TensorIndex.Ellipsis, 0];
        Offer(starts);
        Descend(starts, 0.5);
        Descend(starts, 0.25);
    }

    /// <summary>
    /// Null vectors of rank - 1 random rows (Dimitrov et al., 2024): one in 2^(rank-1) is a given sample's direction when half of the
    /// neurons are off.
    /// </summary>
    public void Sample(int samples, RandomSource random)
    {
        using var scope = Tidy.Scope();
        using var generator = random.Generator(CPU);
        var rows = rand([samples, Rows], ScalarType.Float32, CPU, generator: generator).topk(Size - 1, 1).indexes;
        var chosenRows = white.index_select(0, rows.view(-1)).view(samples, Size - 1, Size);
        Offer(Factorization.Svd(chosenRows, "The set of random rows", full: true).Vh[TensorIndex.Colon, Size - 1]);
    }

    private void Descend(Tensor starts, double progress)
    {
        var q = nn.functional.normalize(starts, 2, 1);
        for (var step = (int)(progress * Steps); step < Steps; step++)
        {
            using var iteration = Tidy.Scope();
            progress = (double)step / Steps;
            var width = Math.Pow(10, -4.5 * progress) / Math.Sqrt(Rows);
            var square = q.matmul(white.t()).square() + width * width;
            var weights = progress < 0.5 ? square.rsqrt() : square.reciprocal();
            var normal = (weights / weights.mean([1], keepdim: true)).matmul(products).view(-1, Size, Size);
            normal.diagonal(0, 1, 2).add_(1e-14);
            var solved = Factorization.Solve(normal, q.unsqueeze(2), "The reweighted second moment").squeeze(2);
            q.copy_(nn.functional.normalize(solved, 2, 1));
        }
        Offer(q);
    }

    private void Offer(Tensor directions)
    {
        var limit = Deviations * factors.Noise * (directions / factors.Singular).norm(1, keepdim: true);
        var zeros = directions.matmul(white.t()).abs().le(limit).sum(1).data<long>().ToArray();
        var offered = directions.contiguous().data<double>().ToArray().Chunk(Size)
            .Zip(zeros, (direction, count) => (Direction: direction, Zeros: count)).Where(item => item.Zeros >= Size + 3);
        chosen = Independent(chosen.Concat(offered).OrderByDescending(item => item.Zeros));
    }

    private List<(double[] Direction, long Zeros)> Independent(IEnumerable<(double[] Direction, long Zeros)> candidates)
    {
        var kept = new List<(double[] Direction, long Zeros)>();
        var orthogonal = new List<double[]>();
        foreach (var candidate in candidates)
        {
            var rest = (double[])candidate.Direction.Clone();
            for (var pass = 0; pass < 2; pass++)
                foreach (var other in orthogonal)
                    TensorPrimitives.MultiplyAdd(other, -TensorPrimitives.Dot<double>(rest, other), rest, rest);
            var length = TensorPrimitives.Norm<double>(rest);
            if (!(length >= 1e-4))
                continue;
            orthogonal.Add(Array.ConvertAll(rest, value => value / length));
            kept.Add(candidate);
            if (kept.Count == Size)
                break;
        }
        return kept;
    }
}
