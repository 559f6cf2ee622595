namespace Afterimage.Solvers;

/// <summary>A function to be minimized.</summary>
public abstract class Objective
{
    /// <summary>The value at a flat vector; the gradient there is written into <paramref name="gradient"/>.</summary>
    public abstract double Evaluate(Tensor point, Tensor gradient);

    /// <summary>The value at a flat vector, for solvers that need no gradient.</summary>
    public virtual double Value(Tensor point)
    {
        using var unused = empty_like(point);
        return Evaluate(point, unused);
    }

    /// <summary>Moves a point, in place, to the nearest allowed one; false when it was allowed already.</summary>
    public abstract bool Project(Tensor point);

    /// <summary>What a variable of 1 stands for, which is its learning rate as a multiple of the solver's; null where all are 1.</summary>
    public virtual Tensor? Rates => null;
}

/// <summary>One step of a descent: a point and the value at this very point.</summary>
/// <param name="Point">Valid until the next step; copy what is kept.</param>
public readonly record struct SolverStep(int Number, double Value, Tensor Point);

/// <summary>How an objective is minimized.</summary>
public abstract record Solver
{
    /// <summary>Steps at most.</summary>
    [Range(1, 100_000_000)]
    public int Iterations { get; init; } = 300;

    /// <summary>Iterates until the solver is done; the caller may stop early. Each iterate was evaluated before it is yielded.</summary>
    /// <param name="objective">What is minimized.</param>
    /// <param name="start">A flat vector; it is not changed.</param>
    /// <param name="random">The stream of this restart.</param>
    public abstract IEnumerable<SolverStep> Descend(Objective objective, Tensor start, RandomSource random);
}
