using System.Diagnostics;
using System.Text.Json;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>
/// Runs each case in a child process: what ends that process by force ends no other case. The child gets the case as one line of JSON
/// on its standard input, whose end asks it to stop, and answers with lines of <see cref="AuditEvent"/>; see <see cref="ChildCase"/>.
/// </summary>
internal sealed class ChildProcess(ExperimentFile files, Measurement measurement, RunOptions options, ChildProgram program) : CaseExecutor
{
    /// <summary>What a child that is asked to stop may still take.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    public override CaseResult? Execute(Case one, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var effort = new Effort();
        using var child = program.Start();
        var messages = new List<string>();
        child.ErrorDataReceived += (_, line) =>
        {
            lock (messages)
                if (line.Data is { } text && messages.Count < 1000)
                    messages.Add(text);
        };
        child.BeginErrorReadLine();
        Order(child, one);
        using var deadline = new Timer(_ => Kill(child));
        using var stop = cancellation.Register(() =>
        {
            deadline.Change(Grace, Timeout.InfiniteTimeSpan);
            Close(child);
        });
        var result = Listen(child, publish);
        child.WaitForExit();
        if (result is not null)
            return result;
        if (cancellation.IsCancellationRequested)
        {
            const string Stopped = "Stopped before there was anything to show; --resume runs the case again.";
            return measurement.Failed(one, new(OutcomeKind.Canceled, Stopped), effort);
        }
        var advice = ChildDeath.Advice(child.ExitCode, messages);
        return measurement.Failed(one, new(OutcomeKind.Crashed, advice), effort) ?? throw new AfterimageException(advice);
    }

    private void Order(Process child, Case one)
    {
        var order = new CaseOrder
        {
            Configuration = one.Configuration,
            Trial = one.Trial,
            Axes = one.Axes,
            Measurement = measurement,
            Options = options,
        };
        var line = order.Write(files);
        try
        {
            child.StandardInput.WriteLine(line);
            child.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has died already: its exit code says more than this.
        }
    }

    /// <summary>Passes its events on until it has no more to say.</summary>
    private static CaseResult? Listen(Process child, Action<AuditEvent> publish)
    {
        CaseResult? result = null;
        while (child.StandardOutput.ReadLine() is { } line)
            switch (Event(line))
            {
                case CaseResult last:
                    result = last;
                    break;
                case { } next:
                    publish(next);
                    break;
            }
        return result;
    }

    /// <summary>Null for what a host's own program, or a native library, writes there.</summary>
    private static AuditEvent? Event(string line)
    {
        try
        {
            return line.StartsWith('{') ? ReportJson.ReadEvent(line) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Close(Process child)
    {
        try
        {
            child.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has died already.
        }
    }

    private static void Kill(Process child)
    {
        try
        {
            child.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended meanwhile.
        }
    }
}
