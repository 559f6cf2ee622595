namespace Afterimage.Attacks;

/// <summary>One point of the problem: its residuals, and products with the Jacobian.</summary>
internal sealed class PosteriorPoint(PosteriorProblem problem, Tensor images, Linearization[] parts, Tensor residual)
{
    /// <summary>Weighted rows: the shared ones, then each block's own.</summary>
    public Tensor Residual => residual;

    /// <summary>|W (A(x) - y)|^2 / sigma^2 + |z|^2 and the other priors.</summary>
    public double Value(double sigma, Tensor z) => residual.square().sum().ToDouble() / (sigma * sigma) + z.square().sum().ToDouble()
        + (problem.Terms.Any ? problem.Terms.Value(images) : 0);

    /// <summary>Minus half the gradient of that.</summary>
    public Tensor Downhill(double sigma, Tensor z)
    {
        var down = Pull(residual).mul_(-1 / (sigma * sigma)).sub_(z);
        return problem.Terms.Any ? down.sub_(problem.Statistics.Analyze(problem.Terms.HalfGradient(images)).view(-1)) : down;
    }

    /// <summary>The Gauss-Newton matrix, (J'J / sigma^2 + 1 and the other priors) v.</summary>
    public Tensor Curve(double sigma, Tensor v)
    {
        var curved = Pull(Push(v)).mul_(1 / (sigma * sigma)).add_(v);
        return problem.Terms.Any ? curved.add_(problem.Statistics.Analyze(problem.Terms.Bend(images, Directions(v))).view(-1)) : curved;
    }

    /// <summary>J v: [unknowns] to [rows].</summary>
    public Tensor Push(Tensor v)
    {
        problem.Stop.ThrowIfCancellationRequested();
        var blocks = v.view(problem.Parts, -1);
        var gradients = stack([.. parts.Select((part, i) => part.Pushforward(Directions(blocks[i])).Flat)]);
        return cat([problem.SharedRows(gradients), problem.OwnRows(gradients).reshape(-1)]);
    }

    /// <summary>J'r: [rows] to [unknowns].</summary>
    public Tensor Pull(Tensor rows) => cat([.. parts.Select((part, i) =>
        problem.Statistics.Analyze(part.Pullback(new(part.Value.Layout, problem.Spread(rows, i))).Inputs).reshape(-1))]);

    /// <summary>The columns of one block for some of its unknowns: shared rows [N,shared] and its own [N,own].</summary>
    public (Tensor Shared, Tensor Own) Columns(int part, Tensor unknowns)
    {
        var units = zeros([unknowns.shape[0], problem.Width], ScalarType.Float64);
        units.scatter_(1, unknowns.view(-1, 1), ones_like(unknowns.view(-1, 1)).to(ScalarType.Float64));
        return Along(part, Directions(units));
    }

    /// <summary>The columns of one block for a range of its pixels.</summary>
    public (Tensor Shared, Tensor Own) PixelColumns(int part, long from, long count)
    {
        var units = zeros([count, problem.Width], ScalarType.Float64);
        units.narrow(1, from, count).diagonal().fill_(1);
        return Along(part, problem.Images(units));
    }

    private (Tensor Shared, Tensor Own) Along(int part, Tensor images)
    {
        var each = problem.Width / problem.Pixels;
        var gradients = empty([images.shape[0] / each, parts[part].Value.Layout.Count], ScalarType.Float64);
        for (var n = 0L; n < gradients.shape[0]; n++)
        {
            problem.Stop.ThrowIfCancellationRequested();
            using var scope = Tidy.Scope();
            gradients[n].copy_(parts[part].Pushforward(images.narrow(0, n * each, each)).Flat);
        }
        return (problem.SharedColumns(gradients), problem.OwnColumns(gradients, part));
    }

    private Tensor Directions(Tensor block) => problem.Statistics.Synthesize(block.view(-1, problem.Pixels));
}
