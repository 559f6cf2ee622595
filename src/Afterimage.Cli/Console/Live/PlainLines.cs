using Afterimage.Reports;

namespace Afterimage.Cli.Console;

/// <summary>
/// Shows a running audit where output cannot be redrawn: by a line for the beginning and end of each case, one for every phase that
/// lasts, and one every few seconds of what is counted or every fifteen of what is not.
/// </summary>
internal sealed class PlainLines(TextWriter output)
{
    private const double Interval = 5, Lasting = 0.5, Silence = 15;
    private readonly Dictionary<string, string> phases = [];
    private double said;

    /// <summary>Names what running cases have been at for a moment, and again after a silence.</summary>
    /// <param name="view">The view now.</param>
    /// <param name="elapsed">Seconds since the audit started.</param>
    public void Look(AuditView view, double elapsed)
    {
        foreach (var running in view.AllRunning)
            if (running.Phase is { } phase && elapsed >= running.PhaseAt + Lasting && phases.GetValueOrDefault(phase.Id) != phase.Name)
            {
                phases[phase.Id] = phase.Name;
                Write(view, phase, running.PhaseAt);
            }
        if (elapsed >= said + Silence && view.Running?.Phase is { } still)
            Write(view, still, elapsed);
    }

    /// <param name="view">The view after the event.</param>
    /// <param name="next">The event.</param>
    public void Say(AuditView view, AuditEvent next)
    {
        switch (next)
        {
            case AuditStarted started:
                output.WriteLine(started.Header.Title);
                said = next.At;
                break;
            case CaseStarted started:
                var number = Math.Min(view.Ended.Length + Math.Max(1, view.AllRunning.Length), view.Cases.Length);
                output.WriteLine($"[{number}/{view.Cases.Length}] {started.Name}");
                said = next.At;
                break;
            case IterateSeen seen when next.At >= said + Interval:
                var left = Pace.Of(view, next.At).Remaining is { } seconds ? $", at most {Figures.Duration(seconds)} to go" : "";
                output.WriteLine($"  {Figures.Duration(next.At)}: {Named(view, seen.Id)}restart {seen.Restart + 1}, " +
                    $"iteration {Figures.Count(seen.Iteration)}, objective {Figures.Short(seen.Objective)}{left}");
                said = next.At;
                break;
            case PhaseSeen { Of: > 0 } seen when next.At >= said + Interval:
                phases[seen.Id] = seen.Name;
                Write(view, seen, next.At);
                break;
            case LeakageMeasured { Case: var found }:
                output.WriteLine($"{found.Name}: measured in {Figures.Duration(found.Seconds)}");
                break;
            case CaseFinished { Report: var report }:
                output.WriteLine($"  {(view.Cases.Length > 1 ? $"{report.Name}: " : "")}{report.Ending} " +
                    $"in {Figures.Duration(report.Cost.Seconds)}: {Found(report)}");
                break;
        }
    }

    private void Write(AuditView view, PhaseSeen phase, double at)
    {
        output.WriteLine($"  {Figures.Duration(at)}: {Named(view, phase.Id)}{Figures.Progress(phase)}");
        said = Math.Max(said, at);
    }

    /// <summary>The name of a case in front of what is said of it, where several run at once.</summary>
    private static string Named(AuditView view, string id) =>
        view.AllRunning is { Length: > 1 } several && several.FirstOrDefault(running => running.Case.Id == id) is { } running
            ? $"{running.Case.Name}: " : "";

    private static string Found(CaseReport report) => report.Metrics.IsEmpty
        ? $"relative misfit {Figures.Short(report.RelativeMisfit)}"
        : (report.Images.Length > 1 ? "median " : "") + string.Join(", ", Figures.InOrder(report.Metrics.Keys).Take(2)
            .Select(metric => Figures.WithUnit(metric, report.Metrics[metric].Median)));
}
