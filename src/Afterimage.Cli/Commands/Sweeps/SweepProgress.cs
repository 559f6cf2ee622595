using System.Diagnostics;
using System.Threading.Channels;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Reports;

namespace Afterimage.Cli.Commands;

/// <summary>How far a sweep is, and how long it still takes, every few seconds.</summary>
internal static class SweepProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public static void ToTheEnd(ChannelReader<AuditEvent> events, TextWriter output, RunOptions options, CancellationToken stopping)
    {
        using var said = stopping.Register(() => output.WriteLine("Stopping; the report is still written."));
        var (clock, spoken) = (Stopwatch.StartNew(), TimeSpan.Zero);
        var (all, kept, ended, crashed) = (0, 0, 0, 0);
        var running = new HashSet<string>();
        while (events.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult())
            while (events.TryRead(out var next))
            {
                switch (next)
                {
                    case AuditStarted started:
                        all = started.CaseIds.Length;
                        output.WriteLine($"{Figures.Plural(all, "case")} on {Figures.Plural(options.Parallel, "worker")} of " +
                            $"{Figures.Plural(options.Threads, "thread")}.");
                        break;
                    case CaseStarted started:
                        running.Add(started.Id);
                        break;
                    case CaseResult result:
                        if (running.Remove(result.CaseId))
                            ended++;
                        else
                            kept++;
                        if (result is CaseFinished { Report.Outcome: "Crashed" } crash)
                        {
                            crashed++;
                            output.WriteLine($"  {crash.Report.Name} crashed: {crash.Report.Advice}");
                        }
                        break;
                }
                if (clock.Elapsed - spoken < Interval || ended == 0)
                    continue;
                spoken = clock.Elapsed;
                var left = clock.Elapsed.TotalSeconds / ended * (all - ended - kept);
                output.WriteLine($"  {Figures.Duration(clock.Elapsed.TotalSeconds)}: {Figures.Count(ended + kept)} of " +
                    $"{Figures.Count(all)} " +
                    $"cases{(crashed > 0 ? $", {crashed} crashed" : "")}, about {Figures.Duration(left)} to go");
            }
    }
}
