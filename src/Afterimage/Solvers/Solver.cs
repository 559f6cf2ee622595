namespace Afterimage.Solvers;

/// <summary>A function to be minimized.</summary>
public abstract class Objective
{
    /// <summary>The value at a flat vector and the gradient there, a fresh vector in the caller's scope.</summary>
    public abstract (double Value, Tensor Gradient) Evaluate(Tensor point);

    /// <summary>Moves a point, in place, to the nearest allowed one.</summary>
    public abstract void Project(Tensor point);

    /// <summary>Evaluations so far.</summary>
    public int Evaluations { get; protected set; }
}

/// <summary>One step of a descent: a point and the value at this very point.</summary>
/// <param name="Point">Valid until the next step; copy what is kept.</param>
public readonly record struct Iterate(int Number, double Value, Tensor Point);

/// <summary>How an objective is minimized.</summary>
public abstract record Solver
{
    /// <summary>Iterates until the solver is done; the caller may stop early. Each iterate was evaluated before it is yielded.</summary>
    public abstract IEnumerable<Iterate> Descend(Objective objective, Tensor start, RandomSource random);
}
