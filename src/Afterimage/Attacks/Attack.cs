using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>A way from what the server sees to the images.</summary>
public abstract record Attack
{
    /// <summary>Runs the attack. Cancellation keeps the best found so far.</summary>
    /// <param name="context">What the server sees and knows.</param>
    /// <param name="watch">Called at every iterate.</param>
    /// <param name="cancellation">Stops after the current iterate.</param>
    public abstract Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default);
}

/// <summary>One iterate as seen from outside.</summary>
/// <param name="Evaluations">Of this restart so far.</param>
/// <param name="Images">Decodes the current images into [0,1], shape [B,C,H,W]; call it only when they are to be shown.</param>
public readonly record struct Iterate(int Restart, int Iteration, double Objective, int Evaluations, Func<Tensor> Images);

/// <summary>How an attack ended.</summary>
public enum OutcomeKind { Converged, BudgetSpent, Diverged, Refused, Crashed, Canceled }

/// <param name="Advice">One sentence: what it means and what to do.</param>
public sealed record Outcome(OutcomeKind Kind, string Advice);

/// <summary>What came back.</summary>
public sealed class Reconstruction : IDisposable
{
    /// <summary>Images in [0,1], shape [B,C,H,W].</summary>
    public required Tensor Images { get; init; }

    public required Labels Labels { get; init; }

    /// <summary>The attacker's objective at these images.</summary>
    public required double Objective { get; init; }

    /// <summary>|A(x) - y| / |y| at these images: what the attacker itself knows of its success.</summary>
    public required double RelativeMisfit { get; init; }

    public required Outcome Outcome { get; init; }

    /// <summary>What the attack found out on its way, one sentence each.</summary>
    public ValueList<string> Notes { get; init; } = [];

    /// <summary>One sentence on how the operator was evaluated; null for attacks that do not.</summary>
    public string? Operator { get; init; }

    /// <summary>The restart, from 0, that the images come from.</summary>
    public int Restart { get; init; }

    public int Restarts { get; init; } = 1;

    public int Iterations { get; init; }

    public int Evaluations { get; init; }

    public void Dispose() => Images.Dispose();
}
