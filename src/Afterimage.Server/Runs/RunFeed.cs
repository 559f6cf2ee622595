using System.Collections.Immutable;
using Afterimage.Reports;
using Afterimage.Server.Work;

namespace Afterimage.Server.Runs;

/// <summary>One run's folder: follows its journal while somebody looks, and says what the page shows of it.</summary>
internal sealed class RunFeed(string id, string folder, RunQueue queue)
{
    private readonly Lock gate = new();
    private readonly JournalTail tail = new(folder);
    private RunState state = new();
    private string shown = "";
    private int watchers;

    public string Id => id;

    public string Folder => folder;

    /// <summary>What everybody who looks at the run gets.</summary>
    public Broadcast<RunFrame> Frames { get; } = new(new("", [], 0));

    public bool IsWatched => Volatile.Read(ref watchers) > 0;

    /// <summary>Keeps the run under watch until it is disposed of.</summary>
    public IDisposable Watch()
    {
        Interlocked.Increment(ref watchers);
        return new Ending(() => Interlocked.Decrement(ref watchers));
    }

    /// <summary>Reads on and tells everybody if there is something new.</summary>
    public void Refresh()
    {
        lock (gate)
        {
            ReadOn();
            var view = PageJson.Write(Describe());
            if (view == shown && state.Rows.Count == Frames.Current.Rows.Count && state.Generation == Frames.Current.Generation)
                return;
            shown = view;
            Frames.Publish(new(view, state.Rows, state.Generation));
        }
    }

    /// <summary>The run in a line of the list.</summary>
    public RunSummary Summary()
    {
        lock (gate)
        {
            ReadOn();
            return Summarize();
        }
    }

    /// <summary>Everything about a case that has ended; null where there is none of this identity.</summary>
    public CaseReport? Case(string caseId)
    {
        lock (gate)
        {
            ReadOn();
            return state.Rows.Find(row => row.Id == caseId) is { } row
                && tail.At(row.Place.Offset, row.Place.Length) is CaseFinished { Report: var found } ? found : null;
        }
    }

    /// <summary>The identity of a running case as the run knows it; null where it does not run.</summary>
    public string? Running(string caseId)
    {
        lock (gate)
            return state.View.AllRunning.FirstOrDefault(running => running.Case.Id == caseId)?.Case.Id;
    }

    private void ReadOn()
    {
        if (tail.HasRestarted())
        {
            tail.Restart();
            state = new() { Generation = state.Generation + 1 };
        }
        while (tail.Read() is { Count: > 0 } lines)
            state = lines.Aggregate(state, (now, line) => now.Add(line));
    }

    private RunSummary Summarize()
    {
        var (view, run) = (state.View, new RunFolder(folder));
        var place = queue.Place(folder);
        var failure = run.Failure;
        var status = place > 0 ? RunStatus.Waiting
            : view.Report is not null ? RunStatus.Finished
            : place == 0 || FolderLock.IsHeld(folder) ? RunStatus.Running
            : failure is not null ? RunStatus.Failed : RunStatus.Stopped;
        return new(id, Path.GetFileName(folder), view.Header?.Title ?? run.Title, status, view.Header?.Started)
        {
            Cases = view.Cases.Length,
            Ended = state.Rows.Count,
            Verdict = view.Report?.Verdict,
            Place = place > 0 ? place : null,
            Failure = status is RunStatus.Failed or RunStatus.Stopped ? failure : null,
            CanStop = place is not null,
        };
    }

    private RunDescription Describe()
    {
        var view = state.View;
        return new(Summarize(), view.At, [.. view.AllRunning.Select(Describe)], state.Log)
        {
            Experiment = view.Header?.Experiment,
            Command = view.Header?.Command,
            Machine = view.Header?.Machine,
            Findings = view.Report?.Findings,
            HasReport = view.Report is not null && File.Exists(Path.Combine(folder, Reports.Exporters.JsonExporter.FileName)),
            Unreadable = tail.Unreadable,
        };
    }

    private RunningDescription Describe(RunningCase running)
    {
        var curves = state.Curves.GetValueOrDefault(running.Case.Id);
        var picture = new FileInfo(EmergingPictures.PathOf(folder, running.Case.Id));
        return new(running.Case.Id, running.Case.Name, running.Case.Budget, running.Case.Seconds, running.StartedAt)
        {
            Phase = running.Phase,
            Evaluations = running.Last?.Evaluations ?? 0,
            Iteration = running.Last?.Iteration ?? 0,
            Restart = running.Last?.Restart ?? 0,
            Objective = running.Last?.Objective,
            Curves = curves is null ? [] : [.. curves.Select(pair => new Curve($"start {pair.Key + 1}", [.. pair.Value]))],
            Picture = picture.Exists ? picture.LastWriteTimeUtc.Ticks : null,
        };
    }

    private sealed class Ending(Action end) : IDisposable
    {
        private Action? end = end;

        public void Dispose() => Interlocked.Exchange(ref end, null)?.Invoke();
    }
}
