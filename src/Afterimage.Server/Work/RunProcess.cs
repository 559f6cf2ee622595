using System.Diagnostics;

namespace Afterimage.Server.Work;

/// <summary>One run as a child process: the command audit on the experiment of a folder. The end of its input asks it to stop.</summary>
internal static class RunProcess
{
    private const int KeptLines = 40;

    /// <summary>What a child that is asked to stop may still take to write its report.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    /// <summary>Runs it to its end.</summary>
    /// <returns>What went wrong in a sentence; null where nothing did, or it was stopped.</returns>
    public static async Task<string?> Run(ServerProgram program, RunFolder run, CancellationToken stop)
    {
        using var child = Start(program, run);
        var said = Listen(child);
        using var asked = stop.Register(() => Close(child));
        using var ended = new CancellationTokenSource();
        var deadline = KillAfterGrace(child, stop, ended.Token);
        await child.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        await deadline.ConfigureAwait(false);
        return child.ExitCode is 0 || stop.IsCancellationRequested ? null : Sentence(said, child.ExitCode);
    }

    private static Process Start(ServerProgram program, RunFolder run)
    {
        string[] resume = run.Began ? ["--resume"] : [];
        var start = new ProcessStartInfo(program.File,
            [.. program.Arguments, "audit", run.Experiment, "--out", run.Path, "--until-input-ends", .. resume])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment.Remove("AFTERIMAGE_TOKEN");
        start.Environment["NO_COLOR"] = "1";
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            throw new AfterimageException($"{program.File} cannot be started for a run ({fault.Message}): install Afterimage again.",
                fault);
        }
    }

    private static Queue<string> Listen(Process child)
    {
        var said = new Queue<string>();
        child.OutputDataReceived += (_, _) => { };
        child.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not { Length: > 0 } text)
                return;
            lock (said)
            {
                said.Enqueue(text);
                if (said.Count > KeptLines)
                    said.Dequeue();
            }
        };
        child.BeginOutputReadLine();
        child.BeginErrorReadLine();
        return said;
    }

    private static string Sentence(Queue<string> said, int code)
    {
        lock (said)
            return said.Count == 0
                ? $"The process of the run ended with code {code} and without a word: it was killed, or ran out of memory."
                : string.Join(' ', said.Select(line => line.StartsWith("afterimage: ", StringComparison.Ordinal) ? line[12..] : line));
    }

    private static async Task KillAfterGrace(Process child, CancellationToken stop, CancellationToken ended)
    {
        try
        {
            var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var _ = stop.Register(() => asked.TrySetResult()).ConfigureAwait(false);
            await asked.Task.WaitAsync(ended).ConfigureAwait(false);
            await Task.Delay(Grace, ended).ConfigureAwait(false);
            child.Kill(entireProcessTree: true);
        }
        catch (Exception fault) when (fault is OperationCanceledException or InvalidOperationException)
        {
            // It ended in time.
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
            // It has ended already.
        }
    }
}
