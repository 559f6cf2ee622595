using System.Diagnostics;
using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>One run of an attack as its search sees it.</summary>
/// <param name="context">What the server sees and knows, in the precision of the search.</param>
/// <param name="labels">As the attack's rule recovered them; null where it has none.</param>
/// <param name="watch">Called at every iterate.</param>
/// <param name="clock">Runs since the run began.</param>
/// <param name="stop">Set when somebody stops the run or its time is over.</param>
public sealed class AttackRun(AttackContext context, Labels? labels, Action<Iterate>? watch, Stopwatch clock, CancellationToken stop)
{
    private readonly List<Evidence> evidence = [];
    private Labels? known;

    /// <summary>What the server sees and knows, in the precision of the search.</summary>
    public AttackContext Context => context;

    /// <summary>The labels that the attack's rule recovered.</summary>
    public Labels Labels => labels
        ?? throw new InvalidOperationException("An attack without a label rule has no labels before its search.");

    /// <summary>Set when somebody stops the run or its time is over.</summary>
    public CancellationToken Stop => stop;

    /// <summary>Seconds that are left of the time of the run; null without a limit.</summary>
    public double? SecondsLeft => context.Seconds - clock.Elapsed.TotalSeconds;

    /// <summary>What was found out so far.</summary>
    public ValueList<Evidence> Evidence => evidence.ToValueList();

    /// <summary>The precision of the update as it came, whatever that of the search.</summary>
    public required ScalarType Sent { get; init; }

    internal Labels? Recovered => labels ?? known;

    internal Action<Iterate>? Watch => watch;

    /// <summary>Shows an iterate to whoever looks on.</summary>
    public void See(Iterate iterate) => watch?.Invoke(iterate);

    /// <summary>Keeps labels that the search found by itself, for a run that is stopped before its images.</summary>
    public void Know(Labels found) => known = found;

    /// <summary>Adds to the evidence of the run.</summary>
    public void Note(Evidence found) => evidence.Add(found);
}

/// <summary>One iterate as seen from outside.</summary>
/// <param name="Restart">From 0.</param>
/// <param name="Iteration">Of this restart, from 0.</param>
/// <param name="Objective">The attacker's objective at this iterate.</param>
/// <param name="Evaluations">Of this restart so far.</param>
/// <param name="Images">Decodes the current images into [0,1], shape [B,C,H,W]; call it only when they are to be shown.</param>
public readonly record struct Iterate(int Restart, int Iteration, double Objective, int Evaluations, Func<Tensor> Images);

/// <summary>What a search found, before anybody judges it.</summary>
public sealed class SearchResult
{
    /// <summary>In [0,1] but for rounding, shape [B,C,H,W]; null where no objective was finite.</summary>
    public required Tensor? Images { get; init; }

    /// <summary>In the order of the images.</summary>
    public required Labels Labels { get; init; }

    /// <summary>The objective of the search at these images; null where it is the misfit.</summary>
    public double? Objective { get; init; }

    /// <summary>The relative misfit, where more than images and labels decide it; null lets the run measure it.</summary>
    public double? RelativeMisfit { get; init; }

    /// <summary>
    /// Whether equations prove the images, so that the misfit only confirms them: rounding leaves more of it in deep networks.
    /// </summary>
    public bool IsProven { get; init; }

    /// <summary>Why the images are probably wrong whatever the misfit, and what to do; null when nothing speaks against them.</summary>
    public string? Doubt { get; init; }

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
}
