namespace Afterimage.Attacks;

/// <summary>How much of the patches of an input lies outside of a space: a quadratic form in the input.</summary>
internal static class PatchForm
{
    /// <summary>Of inverse iteration; smaller eigenvalues are not told apart.</summary>
    public const double Stiffness = 1e-12;
    private const int Iterations = 4;

    /// <summary>The projector onto what lies outside of a space.</summary>
    /// <param name="orthogonal">A basis of the space, [taps, dimension].</param>
    public static Tensor Outside(Tensor orthogonal) =>
        eye(orthogonal.shape[0], dtype: ScalarType.Float64) - orthogonal.matmul(orthogonal.t());

    /// <summary>[size,size]; numbers of the padding are left out.</summary>
    /// <param name="reads">Which number of the input a tap reads at a place, counted from 1, 0 for the padding: [taps, places].</param>
    /// <param name="outside">The projector onto what is outside of the space, [taps,taps].</param>
    /// <param name="size">Numbers of the input.</param>
    public static Tensor Of(Tensor reads, Tensor outside, long size)
    {
        var form = zeros(size, size, ScalarType.Float64);
        for (var place = 0L; place < reads.shape[1]; place++)
        {
            using var inner = Tidy.Scope();
            var (from, to) = Read(reads, place);
            var rows = form.index_select(0, to).index_add_(1, to, outside.index_select(0, from).index_select(1, from), 1);
            form.index_copy_(0, to, rows);
        }
        return form;
    }

    /// <summary>The sum of all patches outside of the space, [size,taps] for every number of the input.</summary>
    /// <inheritdoc cref="Of"/>
    public static Tensor Sum(Tensor reads, Tensor outside, long size)
    {
        var sum = zeros(size, outside.shape[0], ScalarType.Float64);
        for (var place = 0L; place < reads.shape[1]; place++)
        {
            using var inner = Tidy.Scope();
            var (from, to) = Read(reads, place);
            sum.index_add_(0, to, outside.index_select(0, from), 1);
        }
        return sum;
    }

    /// <summary>How often each number of the input is read, [size].</summary>
    /// <inheritdoc cref="Of"/>
    public static Tensor Counts(Tensor reads, long size) => zeros(size + 1, ScalarType.Float64)
        .index_add_(0, reads.reshape(-1), ones(reads.numel(), ScalarType.Float64), 1).narrow(0, 1, size);

    /// <summary>
    /// The inputs of which least lies outside, by inverse iteration: the shares in ascending order, and the inputs in columns.
    /// </summary>
    /// <param name="form">Changed.</param>
    /// <param name="counts">How often each number is read, [size]; one that never is, is zero.</param>
    /// <param name="count">Of inputs.</param>
    /// <param name="random">Starts.</param>
    /// <param name="stop">Leaves it.</param>
    public static (double[] Values, Tensor Vectors) Smallest(Tensor form, Tensor counts, int count, RandomSource random,
        CancellationToken stop)
    {
        var size = form.shape[0];
        form.diagonal().add_(counts.eq(0).to(ScalarType.Float64));
        var weights = counts.clamp(min: 1).rsqrt();
        form.mul_(weights.unsqueeze(0)).mul_(weights.unsqueeze(1));
        var factor = Factorization.Cholesky(form + Stiffness * eye(size, dtype: ScalarType.Float64), "The form of the patches", stop);
        using var generator = random.Derive("start").Generator(CPU);
        var vectors = randn([size, Math.Min(count, size)], ScalarType.Float64, CPU, generator: generator);
        for (var i = 0; i < Iterations; i++)
        {
            stop.ThrowIfCancellationRequested();
            vectors = linalg.qr(cholesky_solve(vectors, factor)).Q;
        }
        var (values, rotation) = Factorization.Eigen(vectors.t().matmul(form).matmul(vectors), "The projected form of the patches",
            CancellationToken.None);
        return (values.data<double>().ToArray(), vectors.matmul(rotation) * weights.unsqueeze(1));
    }

    private static (Tensor From, Tensor To) Read(Tensor reads, long place)
    {
        var from = (reads[.., place] > 0).nonzero().flatten();
        return (from, reads[.., place].index_select(0, from) - 1);
    }
}
