using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>What came back. The caller owns it.</summary>
public sealed class Reconstruction : IDisposable
{
    /// <summary>Images in [0,1], shape [B,C,H,W], float32 on the CPU; gray where nothing was found.</summary>
    public required Tensor Images { get; init; }

    /// <summary>In the order of the images.</summary>
    public required Labels Labels { get; init; }

    /// <summary>The attacker's objective at these images; NaN where nothing was found.</summary>
    public required double Objective { get; init; }

    /// <summary>|A(x) - y| / |y| at these images: what the attacker itself knows of its success; NaN where nothing was found.</summary>
    public required double RelativeMisfit { get; init; }

    /// <summary>How the attack ended.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>What the attack found out on its way.</summary>
    public ValueList<Evidence> Evidence { get; init; } = [];

    /// <summary>One sentence on how the operator was evaluated; null for attacks that do not.</summary>
    public string? Operator { get; init; }

    /// <summary>The restart, from 0, that the images come from.</summary>
    public int Restart { get; init; }

    /// <summary>Starts that were tried.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>Iterations of all starts.</summary>
    public int Iterations { get; init; }

    /// <summary>Evaluations of A and products with its Jacobian.</summary>
    public int Evaluations { get; init; }

    /// <summary>Wall time of the run.</summary>
    public double Seconds { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Images.Dispose();
}

/// <summary>How an attack ended.</summary>
public enum OutcomeKind
{
    /// <summary>The update is explained as well as the channel allows.</summary>
    Converged,

    /// <summary>Iterations, restarts or time ended first.</summary>
    BudgetSpent,

    /// <summary>No objective was finite.</summary>
    Diverged,

    /// <summary>The attack cannot read this round.</summary>
    Refused,

    /// <summary>An error of the program.</summary>
    Crashed,

    /// <summary>Somebody stopped it.</summary>
    Canceled,
}

/// <summary>How an attack ended, and what that means.</summary>
/// <param name="Kind">In one word.</param>
/// <param name="Advice">One sentence: what it means and what to do.</param>
public sealed record Outcome(OutcomeKind Kind, string Advice);
