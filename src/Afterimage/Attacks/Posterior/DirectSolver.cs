namespace Afterimage.Attacks;

/// <summary>
/// The direct solver of (J'J / sigma^2 + 1) d = g for all unknowns. It works on pixels, where the columns of the Jacobian come without
/// the model of images and the identity becomes the inverse of its covariance.
/// </summary>
internal sealed class DirectSolver
{
    /// <summary>Columns of the Jacobian at once.</summary>
    public const int Chunk = 512;

    private readonly PosteriorProblem problem;
    private readonly Tensor back;
    private readonly Tensor precision;
    private readonly Tensor normal;
    private readonly Tensor factor;
    private bool opened;

    public DirectSolver(PosteriorProblem problem)
    {
        this.problem = problem;
        back = empty([problem.Pixels, problem.Pixels], ScalarType.Float64);
        precision = empty_like(back);
        normal = zeros([problem.Batch * problem.Pixels, problem.Batch * problem.Pixels], ScalarType.Float64);
        factor = empty_like(normal);
    }

    /// <summary>Products with the Jacobian that <see cref="Build"/> takes.</summary>
    public int Products => (int)(problem.Parts * problem.Width);

    /// <summary>Computes J'J at a point.</summary>
    public void Build(PosteriorPoint point)
    {
        using var scope = Tidy.Scope();
        Open();
        var (width, total) = (problem.Width, problem.Parts * problem.Width);
        var columns = empty([total, problem.SharedCount], ScalarType.Float64);
        var own = empty([total, problem.OwnCount], ScalarType.Float64);
        for (var part = 0; part < problem.Parts; part++)
            foreach (var (from, count) in Chunks(width))
            {
                using var inner = Tidy.Scope();
                var (shared, separate) = point.PixelColumns(part, from, count);
                columns.narrow(0, part * width + from, count).copy_(shared);
                own.narrow(0, part * width + from, count).copy_(separate);
            }
        // Only the lower triangle is read; the upper one stays zero.
        for (var part = 0; part < problem.Parts; part++)
        foreach (var (local, count) in Chunks(width))
        {
            using var inner = Tidy.Scope();
            var (first, from) = (part * width, part * width + local);
            var until = from + count;
            normal.narrow(0, from, count).narrow(1, 0, until)
                .copy_(columns.narrow(0, from, count).matmul(columns.narrow(0, 0, until).t()));
            normal.narrow(0, from, count).narrow(1, first, until - first)
                .add_(own.narrow(0, from, count).matmul(own.narrow(0, first, until - first).t()));
        }
    }

    private static IEnumerable<(long From, long Count)> Chunks(long total)
    {
        for (var from = 0L; from < total; from += Chunk)
            yield return (from, Math.Min(Chunk, total - from));
    }

    private void Open()
    {
        if (opened)
            return;
        back.copy_(problem.Statistics.Explain(problem.Images(eye(problem.Pixels, dtype: ScalarType.Float64)) + problem.Statistics.Mean));
        precision.copy_(back.matmul(back.t()));
        opened = true;
    }

    /// <summary>Prepares for one noise level.</summary>
    public void Factor(double sigma)
    {
        using var scope = Tidy.Scope();
        var shifted = normal / (sigma * sigma);
        for (var i = 0L; i < problem.Batch; i++)
            shifted.narrow(0, i * problem.Pixels, problem.Pixels).narrow(1, i * problem.Pixels, problem.Pixels).add_(precision);
        factor.copy_(Factorization.Cholesky(shifted, "The posterior's precision matrix", problem.Stop));
    }

    /// <summary>The solution for a right side, [unknowns].</summary>
    public Tensor Apply(Tensor right)
    {
        var pixels = right.view(-1, problem.Pixels).matmul(back.t());
        return cholesky_solve(pixels.view(-1, 1), factor).view(-1, problem.Pixels).matmul(back).view(-1);
    }
}
