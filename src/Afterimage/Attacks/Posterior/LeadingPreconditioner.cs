namespace Afterimage.Attacks;

/// <summary>
/// A preconditioner for (J'J / sigma^2 + 1) d = g: exact for the unknowns along which images vary most, diagonal for the rest. With
/// room for all unknowns it is the direct solver, with room for none it does nothing. It may be used for a while after J has changed.
/// </summary>
internal sealed class LeadingPreconditioner
{
    /// <summary>Columns of the Jacobian at once.</summary>
    public const int Chunk = 256;

    private readonly PosteriorProblem problem;
    private readonly Tensor leading;
    private readonly Tensor rest;
    private readonly Tensor normal;
    private readonly Tensor inverse;
    private readonly Tensor diagonal;
    private readonly Tensor scale;

    /// <param name="problem">What is solved.</param>
    /// <param name="size">Unknowns that are treated exactly, over the whole batch.</param>
    public LeadingPreconditioner(PosteriorProblem problem, long size)
    {
        this.problem = problem;
        var (parts, width) = (problem.Parts, problem.Width);
        var each = Math.Min(width, size / parts);
        var order = problem.Statistics.Deviations.repeat(width / problem.Pixels).argsort(descending: true);
        leading = order.narrow(0, 0, each).clone();
        rest = order.narrow(0, each, width - each).clone();
        normal = zeros([parts * each, parts * each], ScalarType.Float64);
        inverse = zeros_like(normal);
        diagonal = zeros([parts, width - each], ScalarType.Float64);
        scale = ones_like(diagonal);
    }

    /// <summary>Products with the Jacobian that <see cref="Build"/> takes.</summary>
    public int Products => leading.shape[0] == 0 ? 0 : (int)(problem.Parts * problem.Width);

    /// <summary>Computes J'J at a point.</summary>
    public void Build(PosteriorPoint point)
    {
        if (Products == 0)
            return;
        using var scope = Tidy.Scope();
        var each = leading.shape[0];
        var columns = new Tensor[problem.Parts];
        for (var part = 0; part < problem.Parts; part++)
        {
            columns[part] = empty([each, problem.SharedCount], ScalarType.Float64);
            var mine = normal.narrow(0, part * each, each).narrow(1, part * each, each).zero_();
            var own = empty([each, problem.OwnCount], ScalarType.Float64);
            foreach (var (from, count) in Chunks(each))
            {
                using var inner = Tidy.Scope();
                var (shared, separate) = point.Columns(part, leading.narrow(0, from, count));
                columns[part].narrow(0, from, count).copy_(shared);
                own.narrow(0, from, count).copy_(separate);
            }
            mine.add_(own.matmul(own.t()));
            foreach (var (from, count) in Chunks(rest.shape[0]))
            {
                using var inner = Tidy.Scope();
                var (shared, separate) = point.Columns(part, rest.narrow(0, from, count));
                diagonal[part].narrow(0, from, count).copy_(shared.square().sum(1) + separate.square().sum(1));
            }
        }
        for (var i = 0; i < problem.Parts; i++)
            for (var j = 0; j <= i; j++)
            {
                using var inner = Tidy.Scope();
                var product = columns[i].matmul(columns[j].t());
                if (i == j)
                    normal.narrow(0, i * each, each).narrow(1, i * each, each).add_(product);
                else
                {
                    normal.narrow(0, i * each, each).narrow(1, j * each, each).copy_(product);
                    normal.narrow(0, j * each, each).narrow(1, i * each, each).copy_(product.t());
                }
            }
    }

    /// <summary>Prepares for one noise level.</summary>
    public void Factor(double sigma)
    {
        if (Products == 0)
            return;
        using var scope = Tidy.Scope();
        var precision = 1 / (sigma * sigma);
        var shifted = normal * precision;
        shifted.diagonal().add_(1);
        inverse.copy_(cholesky_inverse(Factorization.Cholesky(shifted, "The posterior's leading precision matrix")));
        scale.copy_((diagonal * precision + 1).reciprocal());
    }

    /// <summary>The approximate solution for a right side, [unknowns].</summary>
    public Tensor Apply(Tensor right)
    {
        if (Products == 0)
            return right.clone();
        var blocks = right.view(problem.Parts, -1);
        var result = empty_like(blocks);
        result.index_copy_(1, rest, blocks.index_select(1, rest) * scale);
        var solved = inverse.mv(blocks.index_select(1, leading).reshape(-1));
        result.index_copy_(1, leading, solved.view(problem.Parts, -1));
        return result.view(-1);
    }

    private static IEnumerable<(long From, long Count)> Chunks(long total)
    {
        for (var from = 0L; from < total; from += Chunk)
            yield return (from, Math.Min(Chunk, total - from));
    }
}
