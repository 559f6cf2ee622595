using System.Globalization;
using System.Security.Cryptography;
using Afterimage.Audit.Cases;

namespace Afterimage.Server.Work;

/// <summary>
/// The runs that the page starts, one after another, each in a process of its own. What waits is marked in its folder, so that a
/// server that was stopped goes on with it.
/// </summary>
internal sealed class RunQueue : WorkSource, IAsyncDisposable
{
    private const int MostWaiting = 100;

    private readonly ServerSettings settings;
    private readonly Lock gate = new();
    private readonly List<RunFolder> waiting;
    private readonly SemaphoreSlim woken = new(0);
    private readonly CancellationTokenSource closing = new();
    private readonly Task loop;
    private (RunFolder Run, CancellationTokenSource Stop)? current;
    private int failed;

    public RunQueue(ServerSettings settings)
    {
        this.settings = settings;
        waiting = [.. Directory.EnumerateDirectories(settings.Folder).Order(StringComparer.Ordinal)
            .Select(path => new RunFolder(path)).Where(run => run.IsQueued)];
        woken.Release(waiting.Count + 1);
        loop = Task.Run(Work);
    }

    /// <inheritdoc/>
    public override WorkState Now()
    {
        lock (gate)
            return new(
                [new("this machine", "cpu", Environment.ProcessorCount, current is { } busy ? busy.Run.Title : null)],
                [new("runs started here", waiting.Count, current is null ? 0 : 1, failed)]);
    }

    /// <summary>Lets a run wait for its turn.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="now">For the name of the folder.</param>
    /// <returns>Its folder.</returns>
    /// <exception cref="AfterimageException">Too many wait.</exception>
    public RunFolder Add(Experiment experiment, DateTimeOffset now)
    {
        lock (gate)
        {
            if (waiting.Count >= MostWaiting)
                throw new AfterimageException($"{MostWaiting} runs wait already: stop some of them, or let them finish first.");
            var letters = experiment.Title.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-');
            var title = string.Concat(letters.Take(40)).Trim('-');
            var name = $"{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}-{(title.Length == 0 ? "audit" : title)}" +
                $"-{RandomNumberGenerator.GetHexString(6, lowercase: true)}";
            var run = new RunFolder(Path.Combine(settings.Folder, name));
            run.Create(settings.Files.Write(experiment));
            waiting.Add(run);
            woken.Release();
            return run;
        }
    }

    /// <summary>Stops a run that runs, or takes one that waits out of the queue; what was finished is kept.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Stop(string folder)
    {
        lock (gate)
        {
            if (current is { } busy && busy.Run.Path == folder)
            {
                busy.Stop.Cancel();
                return true;
            }
            if (waiting.Find(run => run.Path == folder) is not { } found)
                return false;
            waiting.Remove(found);
            found.End("It was taken out of the queue before it began.");
            return true;
        }
    }

    /// <summary>The place of a run that waits, from 1; 0 for the one that runs, null for others.</summary>
    public int? Place(string folder)
    {
        lock (gate)
            return current?.Run.Path == folder ? 0 : waiting.FindIndex(run => run.Path == folder) is >= 0 and var at ? at + 1 : null;
    }

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync().ConfigureAwait(false);
        lock (gate)
            current?.Stop.Cancel();
        await loop.ConfigureAwait(false);
        closing.Dispose();
        woken.Dispose();
    }

    private async Task Work()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                await woken.WaitAsync(closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            while (Next() is { } next)
                await Run(next.Run, next.Stop).ConfigureAwait(false);
        }
    }

    private (RunFolder Run, CancellationTokenSource Stop)? Next()
    {
        lock (gate)
        {
            if (waiting.Count == 0 || closing.IsCancellationRequested)
                return null;
            current = (waiting[0], new());
            waiting.RemoveAt(0);
            return current;
        }
    }

    private async Task Run(RunFolder run, CancellationTokenSource stop)
    {
        string? failure;
        try
        {
            failure = await RunProcess.Run(settings.Program, run, stop.Token).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is AfterimageException or IOException or UnauthorizedAccessException)
        {
            failure = fault.Message;
        }
        lock (gate)
        {
            current = null;
            failed += failure is null ? 0 : 1;
            stop.Dispose();
        }
        // A server that goes away leaves the mark, and goes on with the run when it starts again.
        if (!closing.IsCancellationRequested)
            End(run, failure);
    }

    private static void End(RunFolder run, string? failure)
    {
        try
        {
            run.End(failure);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The folder was removed meanwhile, and nobody asks for it again.
        }
    }
}
