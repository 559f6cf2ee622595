namespace Afterimage.Attacks;

/// <summary>
/// Gauss-Newton steps from one start. Every step is solved by preconditioned conjugate gradients and halved until the objective
/// falls; after a step of at least one half sigma is divided by four.
/// </summary>
internal sealed class PosteriorDescent
{
    private const int MostInner = 1000;
    private const int Costly = 100;
    private const int TooCostly = 150;
    private const int MostIdle = 2;
    private const double Forcing = 1e-4;
    private const double Settled = 0.7;
    private const double Still = 0.98;
    private const int MostHalvings = 12;

    private readonly PosteriorProblem problem;
    private readonly LeadingPreconditioner block;
    private readonly DirectSolver? whole;
    private readonly double floor;
    private double sigma;
    private double factored;
    private int inner = int.MaxValue;
    private bool direct;
    private int idle;

    /// <param name="restart">Which one, from 0.</param>
    /// <param name="problem">What is minimized.</param>
    /// <param name="solvers">What conditions the conjugate gradients, and what takes over where they become long, or null.</param>
    /// <param name="start">z.</param>
    /// <param name="sigma">The first.</param>
    /// <param name="floor">The last.</param>
    public PosteriorDescent(int restart, PosteriorProblem problem, (LeadingPreconditioner Leading, DirectSolver? Whole) solvers,
        Tensor start, double sigma, double floor)
    {
        (this.problem, block, whole) = (problem, solvers.Leading, solvers.Whole);
        (this.sigma, this.floor) = (Math.Max(sigma, floor), floor);
        Restart = restart;
        Point = start;
    }

    public int Restart { get; }

    /// <summary>z.</summary>
    public Tensor Point { get; }

    public int Steps { get; private set; }

    /// <summary>Evaluations of A and products with its Jacobian.</summary>
    public int Evaluations { get; private set; }

    /// <summary>The current noise level.</summary>
    public double Sigma => sigma;

    /// <summary>The objective at the last sigma.</summary>
    public double Objective { get; private set; } = double.NaN;

    /// <summary>Root mean square of the weighted residual; infinite before the first step.</summary>
    public double Misfit { get; private set; } = double.PositiveInfinity;

    /// <summary>Whether nothing is left to gain.</summary>
    public bool Finished { get; private set; }

    /// <summary>One step; false when none lowers the objective at this sigma, or when it was stopped on the way.</summary>
    public bool TryAdvance(CancellationToken stop)
    {
        try
        {
            return Advance();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private bool Advance()
    {
        using var scope = Tidy.Scope();
        var here = problem.At(Point);
        Evaluations++;
        var value = here.Value(sigma, Point);
        Prepare(here);
        var right = here.Downhill(sigma, Point);
        // (J'J / sigma^2 + 1) d = right.
        var (direction, count) = ConjugateGradients.Solve(right, along => here.Curve(sigma, along), Conditioned, MostInner, Forcing);
        inner = count;
        Evaluations += 2 * count + 1;
        var promised = right.dot(direction).ToDouble();
        var length = 1.0;
        for (var halving = 0; halving < MostHalvings; halving++, length /= 2)
        {
            using var trialScope = Tidy.Scope();
            var moved = Point + direction * length;
            var there = problem.At(moved);
            Evaluations++;
            var next = there.Value(sigma, moved);
            if (!(next < value))
                continue;
            Point.copy_(moved);
            Misfit = Math.Sqrt(there.Residual.square().mean().ToDouble());
            Objective = next;
            Steps++;
            // Sigma falls where the update is explained to its level, or as well as it can be.
            var explained = there.Residual.square().sum().ToDouble() / (sigma * sigma) < moved.square().sum().ToDouble();
            var settled = next > Settled * value;
            Finished = Misfit <= floor || (sigma <= floor && next > Still * value);
            if (length >= 0.5 && (count < MostInner || settled) && (explained || settled))
                sigma = Math.Max(sigma / (direct ? Pace((value - next) / promised) : 4), floor);
            return true;
        }
        Finished = sigma <= floor || ++idle >= MostIdle;
        sigma = Math.Max(sigma / 4, floor);
        return false;
    }

    /// <summary>The factor by which sigma falls after an exact step: larger where the linearization predicted the decrease well.</summary>
    private static double Pace(double foretold) => foretold > 0.9 ? 64 : foretold > 0.75 ? 16 : 4;

    /// <summary>Renews what conditions the conjugate gradients where they have become long.</summary>
    private void Prepare(PosteriorPoint here)
    {
        direct |= whole is not null && inner is > TooCostly and < int.MaxValue;
        if (direct)
        {
            whole!.Build(here);
            Evaluations += whole.Products;
            whole.Factor(sigma);
            return;
        }
        if (inner > Costly)
        {
            block.Build(here);
            Evaluations += block.Products;
            factored = 0;
        }
        if (factored != sigma)
            block.Factor(factored = sigma);
    }

    private Tensor Conditioned(Tensor residual) => direct ? whole!.Apply(residual) : block.Apply(residual);
}
