using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>The state of an audit as every view shows it: the fold of its events.</summary>
public sealed record AuditView
{
    public static AuditView Empty { get; } = new();

    public AuditReport? Header { get; init; }

    public ImmutableArray<CaseTitle> Cases { get; init; } = [];

    /// <summary>The cases that have ended, in the order of their ends.</summary>
    public ImmutableArray<CaseResult> Ended { get; init; } = [];

    /// <summary>Those of them that were attacked and judged.</summary>
    public ImmutableArray<CaseReport> Finished => [.. Ended.OfType<CaseFinished>().Select(finished => finished.Report)];

    /// <summary>The cases that run now, the longest running first.</summary>
    public ImmutableArray<RunningCase> AllRunning { get; init; } = [];

    /// <summary>The case that has run longest, or null.</summary>
    public RunningCase? Running => AllRunning.FirstOrDefault();

    public AuditReport? Report { get; init; }

    /// <summary>Seconds since the audit started, at the latest event.</summary>
    public double At { get; init; }

    /// <summary>The view after all events of a journal.</summary>
    public static AuditView Replay(IEnumerable<AuditEvent> events) => events.Aggregate(Empty, Reduce);

    /// <summary>A second <see cref="AuditStarted"/> is a resumed run: it keeps the finished cases that are still in the plan.</summary>
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
            IterateSeen seen when view.AllRunning.Any(running => running.Case.Id == seen.Id) => view with { AllRunning = [.. view.AllRunning.Select(running => running.Case.Id == seen.Id ? running.With(seen) : running)] },
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

/// <param name="Last">The latest iterate, or null before the first.</param>
/// <param name="Objective">The objective of the current restart, for a sparkline.</param>
public sealed record RunningCase(CaseStarted Case, IterateSeen? Last, ImmutableArray<double> Objective, double StartedAt)
{
    internal RunningCase With(IterateSeen seen) => this with
    {
        Last = seen with { Thumbnail = seen.Thumbnail ?? Last?.Thumbnail },
        Objective = Last is null || Last.Restart == seen.Restart ? Objective.Add(seen.Objective) : [seen.Objective],
    };
}
