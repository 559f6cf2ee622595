using System.IO.Compression;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Files;
using Npgsql;

namespace Afterimage.Sweeps.Dispatch;

/// <summary>Runs the cases of a worker, each in a child process, and stores what comes out.</summary>
internal sealed class CaseRunner : IDisposable
{
    /// <summary>A case with which so many workers were lost is given up: it is most likely what ended them.</summary>
    private const int MostAttempts = 5;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    private readonly ExperimentFile files;
    private readonly SweepTables tables;
    private readonly WorkerSettings settings;
    private readonly string name;
    private readonly Action<string> say;
    private readonly ChildProcess children;
    private readonly OrderText text;
    private int running;

    public CaseRunner(ExperimentFile files, SweepTables tables, WorkerSettings settings, string name, Action<string> say)
    {
        (this.files, this.tables, this.settings, this.name, this.say) = (files, tables, settings, name, say);
        children = new(files, new AttackAndJudge(), new() { Folder = settings.Scratch });
        text = new(files);
    }

    /// <summary>Cases under way.</summary>
    public int Running => Volatile.Read(ref running);

    /// <summary>Why this worker must not take another case; null while it may.</summary>
    public string? Ill { get; private set; }

    /// <summary>Takes a case, runs it and stores its result.</summary>
    public void Run(string sweep, string id, CancellationToken ending)
    {
        if (Ill is not null)
            throw new AfterimageException(Ill);
        if (Steadily(() => tables.Take(sweep, id), ending) is not { Ended: false } taken)
            return;
        if (taken.Canceled)
        {
            tables.Leave(sweep, id);
            return;
        }
        Interlocked.Increment(ref running);
        var folder = Path.Combine(settings.Scratch, $"{id[..12]}-{Guid.NewGuid():N}");
        try
        {
            if (Result(sweep, taken, folder, ending) is not { } result)
            {
                Steadily(() => { tables.Return(sweep, id); return true; }, CancellationToken.None);
                ending.ThrowIfCancellationRequested();
                tables.Leave(sweep, id);
                return;
            }
            var stored = new StoredResult(ReportJson.WriteEvent(result), Zip(folder), Outcome(result), result.Seconds);
            // The result was paid for: the database may be away for a while.
            Steadily(() => { tables.Store(sweep, id, stored, name); return true; }, CancellationToken.None);
            say($"  {taken.Name}: {stored.Outcome} in {stored.Seconds:0.0} s");
        }
        catch (IOException fault)
        {
            Ill = $"This worker cannot write into {settings.Scratch} ({fault.Message.TrimEnd('.')}): free space there, or name " +
                "another folder " +
                "with --scratch; the case goes to another worker.";
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref running);
            Remove(folder);
        }
    }

    public void Dispose() => children.Dispose();

    /// <summary>Null where the worker ends, or the sweep was canceled, before there is a result.</summary>
    private CaseResult? Result(string sweep, TakenCase taken, string folder, CancellationToken ending)
    {
        CaseOrder? order = null;
        try
        {
            order = text.Read(taken.Body);
            Directory.CreateDirectory(folder);
            order = TravelingFiles.Unpacked(files, order, Path.Combine(settings.Scratch, "files"), settings.Roots,
                hash => Steadily(() => tables.Blob(hash), ending));
        }
        catch (AfterimageException refusal)
        {
            return order is null ? throw new AfterimageException($"{taken.Name} is no case that this worker understands " +
                $"({refusal.Message}): " +
                "update afterimage here.", refusal) : Failed(order, OutcomeKind.Refused, refusal.Message);
        }
        if (taken.Attempts > MostAttempts)
            return Failed(order, OutcomeKind.Crashed, $"{MostAttempts} workers were lost with this case, so it was given up: run it " +
                "alone with " +
                "\"audit\" on a machine with more memory.");
        order = order with { Options = order.Options with { Folder = folder, Threads = settings.Threads, Device = settings.Device } };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ending);
        using var limit = new CancellationTokenSource();
        using var linked = limit.Token.Register(stop.Cancel);
        if (taken.Seconds is { } most)
            limit.CancelAfter(TimeSpan.FromSeconds(most));
        var canceled = false;
        using var look = new Timer(_ => { if (canceled = IsCanceled(sweep)) stop.Cancel(); }, null, Look, Look);
        var result = children.Execute(order, _ => { }, stop.Token);
        if (!stop.IsCancellationRequested)
            return result;
        return canceled || ending.IsCancellationRequested || taken.Seconds is not { } seconds ? null
            : Failed(order, OutcomeKind.Canceled, $"The case took longer than the {seconds:0.#} seconds that it had (--limit), so " +
                "it was stopped.");
    }

    private CaseResult? Failed(CaseOrder order, OutcomeKind kind, string advice) =>
        order.Measurement.Failed(order.Case(files), new(kind, advice), new());

    private bool IsCanceled(string sweep)
    {
        try
        {
            return tables.IsCanceled(sweep);
        }
        catch (NpgsqlException)
        {
            // It is asked again in two seconds.
            return false;
        }
    }

    /// <summary>Tries again where the database is away for a moment, for two minutes.</summary>
    private static T Steadily<T>(Func<T> work, CancellationToken ending)
    {
        for (var wait = 0.25; ; wait *= 2)
            try
            {
                return work();
            }
            catch (NpgsqlException fault) when (wait < 64 && (fault.IsTransient || fault.InnerException is IOException))
            {
                ending.WaitHandle.WaitOne(TimeSpan.FromSeconds(wait));
                ending.ThrowIfCancellationRequested();
            }
    }

    private static string Outcome(CaseResult result) => result is CaseFinished finished ? finished.Report.Outcome : "Measured";

    private static byte[]? Zip(string folder)
    {
        if (!Directory.Exists(folder) || !Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any())
            return null;
        using var archive = new MemoryStream();
        ZipFile.CreateFromDirectory(folder, archive);
        return archive.ToArray();
    }

    private static void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A child that is about to end may still write there; the folder of scratch files may be removed at any time.
        }
    }
}
