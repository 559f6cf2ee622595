using System.Diagnostics;
using System.Threading.Channels;
using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Cli.Console;

/// <summary>Reads the events of a running audit to the end and shows them, as a panel that is redrawn or as plain lines.</summary>
internal static class Watching
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(125);

    public static void ToTheEnd(ChannelReader<AuditEvent> events, Terminal terminal, CancellationToken stopping)
    {
        if (terminal.Live)
            Redraw(events, terminal.Output, stopping);
        else
            Write(events, terminal.Raw, stopping);
    }

    private static void Redraw(ChannelReader<AuditEvent> events, IAnsiConsole console, CancellationToken stopping)
    {
        var pictures = console.Profile.Capabilities.ColorSystem == ColorSystem.TrueColor;
        var clock = Stopwatch.StartNew();
        var view = AuditView.Empty;
        // The terminal echoes "^C" at the cursor; three free columns keep it from breaking the panel's lines.
        IRenderable Panel() => new LivePanel(view, clock.Elapsed.TotalSeconds, stopping.IsCancellationRequested)
            .Draw(console.Profile.Width - 3, console.Profile.Height, pictures);
        console.Live(Panel()).AutoClear(true).Start(live =>
        {
            foreach (var batch in Batches(events))
            {
                view = batch.Aggregate(view, AuditView.Reduce);
                live.UpdateTarget(Panel());
            }
        });
    }

    private static void Write(ChannelReader<AuditEvent> events, TextWriter output, CancellationToken stopping)
    {
        var lines = new PlainLines(output);
        using var said = stopping.Register(() => output.WriteLine("Stopping after this iterate; the report is still written."));
        var clock = Stopwatch.StartNew();
        var view = AuditView.Empty;
        foreach (var batch in Batches(events))
        {
            foreach (var next in batch)
            {
                view = AuditView.Reduce(view, next);
                lines.Say(view, next);
            }
            lines.Look(view, clock.Elapsed.TotalSeconds);
        }
    }

    /// <summary>The events since the last frame, frame by frame, until the channel is closed and empty.</summary>
    private static IEnumerable<IReadOnlyList<AuditEvent>> Batches(ChannelReader<AuditEvent> events)
    {
        bool done;
        do
        {
            done = Task.WaitAny([events.Completion], Frame) == 0;
            var batch = new List<AuditEvent>();
            while (events.TryRead(out var next))
                batch.Add(next);
            yield return batch;
        }
        while (!done);
    }
}
