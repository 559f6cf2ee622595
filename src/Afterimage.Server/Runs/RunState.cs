using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>What the lines of a journal say so far: the fold of its events, with everything that grows with the cases kept apart.</summary>
internal sealed record RunState
{
    private const int MostPoints = 600;

    public AuditView View { get; init; } = AuditView.Empty;

    /// <summary>Cases that have ended, in the order of their ends.</summary>
    public ImmutableList<CaseRow> Rows { get; init; } = [];

    /// <summary>Another number whenever rows were taken away or replaced, rather than added.</summary>
    public int Generation { get; init; }

    public ImmutableArray<LogLine> Log { get; init; } = [];

    /// <summary>The objective over evaluations of each running case, one curve for each restart.</summary>
    public ImmutableDictionary<string, ImmutableSortedDictionary<int, ImmutableList<CurvePoint>>> Curves { get; init; } =
        ImmutableDictionary<string, ImmutableSortedDictionary<int, ImmutableList<CurvePoint>>>.Empty;

    /// <summary>The state after one more line.</summary>
    public RunState Add(JournalLine line)
    {
        var name = Name(line.Event);
        var view = AuditView.Reduce(View, line.Event);
        // The reports of the cases stay in the file: a sweep has too many of them.
        view = view with { Ended = [], Report = view.Report is { } report ? report with { Cases = [] } : null };
        var next = this with { View = view, Log = RunLog.Add(Log, line.Event, name) };
        return line.Event switch
        {
            AuditStarted started => next.Resumed(started),
            IterateSeen seen => next with { Curves = WithPoint(seen) },
            CaseResult ended => next.Ended(CaseRow.Of(ended, new(line.Offset, line.Length))),
            AuditFinished => next with { Curves = Curves.Clear() },
            _ => next,
        };
    }

    private string? Name(AuditEvent next)
    {
        var id = next switch { PhaseSeen phase => phase.Id, CaseResult ended => ended.CaseId, _ => null };
        return id is null ? null : View.AllRunning.FirstOrDefault(running => running.Case.Id == id)?.Case.Name;
    }

    private RunState Resumed(AuditStarted started)
    {
        var known = started.CaseIds.Select(title => title.Id).ToHashSet();
        var kept = Rows.RemoveAll(row => !known.Contains(row.Id));
        return this with { Rows = kept, Generation = kept.Count == Rows.Count ? Generation : Generation + 1, Curves = Curves.Clear() };
    }

    private RunState Ended(CaseRow row)
    {
        var kept = Rows.RemoveAll(other => other.Id == row.Id);
        return this with
        {
            Rows = kept.Add(row),
            Generation = kept.Count == Rows.Count ? Generation : Generation + 1,
            Curves = Curves.Remove(row.Id),
        };
    }

    private ImmutableDictionary<string, ImmutableSortedDictionary<int, ImmutableList<CurvePoint>>> WithPoint(IterateSeen seen)
    {
        var restarts = Curves.GetValueOrDefault(seen.Id, ImmutableSortedDictionary<int, ImmutableList<CurvePoint>>.Empty);
        var points = restarts.GetValueOrDefault(seen.Restart, []);
        // The journal thins already; this only bounds what a strange file could make of it.
        return points.Count >= MostPoints || !double.IsFinite(seen.Objective) ? Curves
            : Curves.SetItem(seen.Id, restarts.SetItem(seen.Restart, points.Add(new(seen.Evaluations, seen.Objective))));
    }
}
