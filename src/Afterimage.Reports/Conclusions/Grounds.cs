using System.Collections.Immutable;

namespace Afterimage.Reports.Conclusions;

/// <summary>What an image or a setting does, in the words of somebody who must decide.</summary>
public enum Answer
{
    /// <summary>Nothing above public knowledge came back: protection only where the grounds say that the attack converged.</summary>
    NotShown,

    /// <summary>More than public knowledge came back, and no image is recognizable.</summary>
    Partly,

    /// <summary>An image is recognizable, or came back nearly pixel for pixel.</summary>
    Leaks,
}

/// <summary>What a verdict rests on, and what would change it.</summary>
public sealed record Grounds
{
    /// <summary>Leaks, partly, or not shown.</summary>
    public required Answer Answer { get; init; }

    /// <summary>The strongest attack that was tried: the one that brought back most.</summary>
    public required string Attack { get; init; }

    /// <summary>Whether that attack explained the update as well as it can be explained.</summary>
    public required bool Converged { get; init; }

    /// <summary>What the update tells at best, one sentence; null where it was not measured.</summary>
    public string? Bound { get; init; }

    /// <summary>What the result must be compared with, one sentence; null without the truth.</summary>
    public string? Baseline { get; init; }

    /// <summary>What would change the answer, one sentence each.</summary>
    public ImmutableArray<string> Changes { get; init; } = [];

    /// <summary>The answer to a level of leakage.</summary>
    public static Answer Of(LeakLevel level) => level switch
    {
        LeakLevel.Exact or LeakLevel.Recognizable => Answer.Leaks,
        LeakLevel.Traces => Answer.Partly,
        _ => Answer.NotShown,
    };
}
