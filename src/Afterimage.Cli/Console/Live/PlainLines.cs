using Afterimage.Reports;

namespace Afterimage.Cli.Console;

/// <summary>
/// Shows a running audit where output cannot be redrawn: by a line for the beginning and end of each case, and one every few seconds.
/// </summary>
internal sealed class PlainLines(TextWriter output)
{
    private const double Interval = 5;
    private double said;

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
                var name = view.AllRunning is { Length: > 1 } several
                    ? $"{several.First(running => running.Case.Id == seen.Id).Case.Name}: " : "";
                output.WriteLine($"  {Figures.Duration(next.At)}: {name}restart {seen.Restart + 1}, " +
                    $"iteration {Figures.Count(seen.Iteration)}, objective {Figures.Short(seen.Objective)}{left}");
                said = next.At;
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

    private static string Found(CaseReport report) => report.Metrics.IsEmpty
        ? $"relative misfit {Figures.Short(report.RelativeMisfit)}"
        : (report.Images.Length > 1 ? "median " : "") + string.Join(", ", Figures.InOrder(report.Metrics.Keys).Take(2)
            .Select(metric => Figures.WithUnit(metric, report.Metrics[metric].Median)));
}
