namespace Afterimage.Attacks;

/// <summary>
/// Gauss-Newton steps from one start. Every step is solved by preconditioned conjugate gradients and halved until the objective
/// falls; after a step of at least one half sigma is divided by four.
/// </summary>
internal sealed class PosteriorDescent
{
    private const int MostInner = 1000;
    private const int Costly = 100;
    private const int MostIdle = 2;
    private const double Forcing = 1e-4;
    private const double Settled = 0.7;
    private const int MostHalvings = 12;

    private readonly PosteriorProblem problem;
    private readonly LeadingBlock block;
    private readonly double floor;
    private double sigma = 1;
    private double factored;
    private int inner;
    private int idle;

    public PosteriorDescent(int restart, PosteriorProblem problem, LeadingBlock block, Tensor start, double floor)
    {
        (this.problem, this.block, this.floor) = (problem, block, floor);
        Restart = restart;
        Point = start;
        inner = int.MaxValue;
    }

    public int Restart { get; }

    /// <summary>z.</summary>
    public Tensor Point { get; }

    public int Steps { get; private set; }

    /// <summary>Evaluations of A and products with its Jacobian.</summary>
    public int Evaluations { get; private set; }

    /// <summary>The objective at the last sigma.</summary>
    public double Objective { get; private set; }

    /// <summary>Root mean square of the weighted residual; infinite before the first step.</summary>
    public double Misfit { get; private set; } = double.PositiveInfinity;

    /// <summary>Whether nothing is left to gain.</summary>
    public bool Finished { get; private set; }

    /// <summary>One step; false when none lowers the objective at this sigma.</summary>
    public bool Advance()
    {
        using var scope = Tidy.Scope();
        var here = problem.At(Point);
        Evaluations++;
        var value = Value(here, Point);
        if (inner > Costly)
        {
            block.Build(here);
            Evaluations += block.Products;
            factored = 0;
        }
        if (factored != sigma)
            block.Factor(factored = sigma);
        var right = here.Pull(here.Residual).mul_(-1 / (sigma * sigma)).sub_(Point);
        var (direction, count) = Solve(here, right);
        inner = count;
        Evaluations += 2 * count + 1;
        var length = 1.0;
        for (var halving = 0; halving < MostHalvings; halving++, length /= 2)
        {
            using var trialScope = Tidy.Scope();
            var moved = Point + direction * length;
            var there = problem.At(moved);
            Evaluations++;
            var next = Value(there, moved);
            if (!(next < value))
                continue;
            Point.copy_(moved);
            var before = Misfit;
            Misfit = Math.Sqrt(there.Residual.square().mean().ToDouble());
            Objective = next;
            Steps++;
            // Only what is explained as well as sigma asks for, or as well as it can be, may be asked for more.
            var explained = there.Residual.square().sum().ToDouble() / (sigma * sigma) < moved.square().sum().ToDouble();
            if (length >= 0.5 && count < MostInner && (explained || next > Settled * value))
                sigma = Math.Max(sigma / 4, floor);
            idle = count == MostInner || Misfit > 0.9 * before ? idle + 1 : 0;
            Finished = idle >= MostIdle || Misfit <= floor;
            return true;
        }
        Finished = sigma <= floor || ++idle >= MostIdle;
        sigma = Math.Max(sigma / 4, floor);
        return false;
    }

    private double Value(PosteriorPoint at, Tensor z) =>
        at.Residual.square().sum().ToDouble() / (sigma * sigma) + z.square().sum().ToDouble();

    /// <summary>(J'J / sigma^2 + 1) d = right.</summary>
    private (Tensor Direction, int Iterations) Solve(PosteriorPoint here, Tensor right)
    {
        var direction = zeros_like(right);
        var residual = right.clone();
        var conditioned = block.Apply(residual);
        var along = conditioned.clone();
        var product = residual.dot(conditioned).ToDouble();
        var first = product;
        var iteration = 0;
        while (iteration < MostInner && product > Forcing * first)
        {
            using var scope = Tidy.Scope();
            iteration++;
            var image = here.Pull(here.Push(along)).mul_(1 / (sigma * sigma)).add_(along);
            var curvature = along.dot(image).ToDouble();
            if (!(curvature > 0))
                break;
            var step = product / curvature;
            direction.add_(along, alpha: step);
            residual.add_(image, alpha: -step);
            var next = block.Apply(residual);
            var grown = residual.dot(next).ToDouble();
            along.mul_(grown / product).add_(next);
            product = grown;
        }
        return (direction, iteration);
    }
}
