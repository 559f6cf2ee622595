using System.Diagnostics;
using System.Text.Json;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>A child process that runs one case after the other, as the parent sees it.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process process;
    private readonly List<string> messages = [];

    public Child(ChildProgram program)
    {
        process = program.Start();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (messages)
                if (line.Data is { } text && messages.Count < 1000)
                    messages.Add(text);
        };
        process.BeginErrorReadLine();
    }

    /// <summary>Whether it has answered an order before.</summary>
    public bool Proven { get; private set; }

    /// <summary>Hands it an order and passes its events on, until it gives the result, or ends without one.</summary>
    /// <param name="order">One line of JSON.</param>
    /// <param name="publish">Told of what happens on the way.</param>
    /// <param name="heard">Whether it said anything at all.</param>
    public CaseResult? Ask(string order, Action<AuditEvent> publish, out bool heard)
    {
        heard = false;
        try
        {
            process.StandardInput.WriteLine(order);
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has died already: its exit code says more than this.
        }
        while (process.StandardOutput.ReadLine() is { } line)
            switch (Event(line))
            {
                case CaseResult result:
                    Proven = heard = true;
                    return result;
                case { } next:
                    heard = true;
                    publish(next);
                    break;
            }
        process.WaitForExit();
        return null;
    }

    /// <summary>Why it gave no answer.</summary>
    public string Advice()
    {
        lock (messages)
            return ChildDeath.Advice(process.ExitCode, messages);
    }

    /// <summary>Asks it to stop.</summary>
    public void Close()
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has died already.
        }
    }

    public void Kill()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>Ends it: it stops at the end of its input, and where it does not within a second, by force.</summary>
    public void Dispose()
    {
        Close();
        if (!process.WaitForExit(ChildProcess.Grace))
            Kill();
        process.Dispose();
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
}
