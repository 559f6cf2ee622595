using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>How a run is doing.</summary>
internal enum RunStatus
{
    /// <summary>It waits for its turn.</summary>
    Waiting,

    /// <summary>A process is at work.</summary>
    Running,

    /// <summary>It ended before all its cases did, and can be resumed.</summary>
    Stopped,

    /// <summary>It could not run.</summary>
    Failed,

    /// <summary>All its cases have ended.</summary>
    Finished,
}

/// <summary>A run in a line of the list.</summary>
internal sealed record RunSummary(string Id, string Folder, string Title, RunStatus Status, DateTimeOffset? Started)
{
    public int Cases { get; init; }

    public int Ended { get; init; }

    public Verdict? Verdict { get; init; }

    /// <summary>Its place in the queue, from 1.</summary>
    public int? Place { get; init; }

    public string? Failure { get; init; }

    public bool CanStop { get; init; }
}

/// <summary>What the page of a run shows, without the cases that have ended.</summary>
internal sealed record RunDescription(
    RunSummary Run, double At, ImmutableArray<RunningDescription> Running, ImmutableArray<LogLine> Log)
{
    public string? Experiment { get; init; }

    public string? Command { get; init; }

    public Machine? Machine { get; init; }

    public ImmutableArray<Finding>? Findings { get; init; }

    public bool HasReport { get; init; }

    /// <summary>Lines of the journal that are no events.</summary>
    public int Unreadable { get; init; }
}

/// <summary>A case that runs now.</summary>
internal sealed record RunningDescription(string Id, string Name, int Budget, double? Seconds, double StartedAt)
{
    public PhaseSeen? Phase { get; init; }

    public int Evaluations { get; init; }

    public int Iteration { get; init; }

    public int Restart { get; init; }

    public double? Objective { get; init; }

    public ImmutableArray<Curve> Curves { get; init; } = [];

    /// <summary>The version of its emerging picture; null without one.</summary>
    public long? Picture { get; init; }
}

/// <summary>What is sent when something has changed.</summary>
/// <param name="View">A <see cref="RunDescription"/> as JSON, written once for everybody.</param>
/// <param name="Rows">The cases that have ended; who looks gets those that are new.</param>
/// <param name="Generation">Another number where rows are not only added.</param>
internal sealed record RunFrame(string View, ImmutableList<CaseRow> Rows, int Generation);
