using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>The state of an audit that the console and the pages show, computed from its events.</summary>
public sealed record AuditView
{
    /// <summary>Before the first event.</summary>
    public static AuditView Empty { get; } = new();

    /// <summary>The report without cases and verdict; null before the audit began.</summary>
    public AuditReport? Header { get; init; }

    /// <summary>All cases of the audit, in order.</summary>
    public ImmutableArray<CaseTitle> Cases { get; init; } = [];

    /// <summary>The cases that have ended, in the order of their ends.</summary>
    public ImmutableArray<CaseResult> Ended { get; init; } = [];

    /// <summary>Those of them that were attacked and judged.</summary>
    public ImmutableArray<CaseReport> Finished => [.. Ended.OfType<CaseFinished>().Select(finished => finished.Report)];

    /// <summary>The cases that run now, in the order of their beginnings.</summary>
    public ImmutableArray<RunningCase> AllRunning { get; init; } = [];

    /// <summary>The running case that began first, or null.</summary>
    public RunningCase? Running => AllRunning.FirstOrDefault();

    /// <summary>The whole report; null before the audit ended.</summary>
    public AuditReport? Report { get; init; }

    /// <summary>Time of the latest event, in seconds since the audit started.</summary>
    public double At { get; init; }

    /// <summary>The state after all events of a journal.</summary>
    public static AuditView Replay(IEnumerable<AuditEvent> events) => events.Aggregate(Empty, Reduce);

    /// <summary>
    /// The state after one more event. A second <see cref="AuditStarted"/> is a resumed run, which keeps those finished cases that
    /// are still part of the audit.
    /// </summary>
    public static AuditView Reduce(AuditView view, AuditEvent next)
    {
        view = view with { At = Math.Max(view.At, next.At) };
        return next switch
        {
            AuditStarted started => Empty with
            {
                Header = started.Header,
                Cases = started.CaseIds,
                Ended = [.. view.Ended.Where(ended => started.CaseIds.Any(title => title.Id == ended.CaseId))],
                At = started.At,
            },
            CaseStarted started => view with { AllRunning = view.AllRunning.Add(new(started, null, [], started.At)) },
            IterateSeen seen when view.AllRunning.FirstOrDefault(candidate => candidate.Case.Id == seen.Id) is { } running =>
                view with { AllRunning = view.AllRunning.Replace(running, running.With(seen)) },
            PhaseSeen seen when view.AllRunning.FirstOrDefault(candidate => candidate.Case.Id == seen.Id) is { } running =>
                view with { AllRunning = view.AllRunning.Replace(running, running.With(seen)) },
            CaseResult ended => view with
            {
                AllRunning = view.AllRunning.RemoveAll(running => running.Case.Id == ended.CaseId),
                Ended = [.. view.Ended.Where(other => other.CaseId != ended.CaseId), ended],
            },
            AuditFinished finished => view with { Report = finished.Report, AllRunning = [] },
            _ => view,
        };
    }
}

/// <summary>A case that runs now.</summary>
/// <param name="Case">The event of its beginning.</param>
/// <param name="Last">The latest iterate, or null before the first.</param>
/// <param name="Objective">The objective of the current restart at every iterate so far.</param>
/// <param name="StartedAt">When it began, in seconds since the audit started.</param>
public sealed record RunningCase(CaseStarted Case, IterateSeen? Last, ImmutableArray<double> Objective, double StartedAt)
{
    /// <summary>What it is at; null before it said so.</summary>
    public PhaseSeen? Phase { get; init; }

    /// <summary>When it began with that, in seconds since the audit started.</summary>
    public double PhaseAt { get; init; }

    internal RunningCase With(PhaseSeen seen) => this with
    {
        Phase = seen,
        PhaseAt = Phase?.Name == seen.Name ? PhaseAt : seen.At,
    };

    internal RunningCase With(IterateSeen seen) => this with
    {
        Last = seen with { Thumbnail = seen.Thumbnail ?? Last?.Thumbnail },
        Objective = Last is null || Last.Restart == seen.Restart ? Objective.Add(seen.Objective) : [seen.Objective],
    };
}
