using System.Diagnostics;
using Afterimage.Audit.Cases;
using Afterimage.Data;
using Afterimage.Sweeps.Database;
using Hangfire;
using Npgsql;

namespace Afterimage.Sweeps.Dispatch;

/// <summary>How a worker works.</summary>
public sealed record WorkerSettings
{
    /// <summary>Cases at once, each in a child process.</summary>
    [Range(1, 1024)]
    public int Slots { get; init; } = 1;

    /// <summary>Threads of libtorch in each child.</summary>
    [Range(1, 1024)]
    public int Threads { get; init; } = 1;

    /// <summary>cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Folders that cases may read.</summary>
    public ValueList<string> Roots { get; init; } = [];

    /// <summary>Where cases write and files from elsewhere are kept.</summary>
    public string Scratch { get; init; } = Path.Combine(Path.GetTempPath(), "afterimage-worker");

    /// <summary>Whether the worker ends when nothing is left that it could do.</summary>
    public bool UntilEmpty { get; init; }

    /// <summary>Seconds that cases under way may still take when the worker is asked to end.</summary>
    [Range(0, 86_400)]
    public double Drain { get; init; } = 60;
}

/// <summary>Takes cases out of a database until it is stopped.</summary>
/// <param name="files">Reads experiments.</param>
/// <param name="database">Opened by the worker's user.</param>
/// <param name="settings">How it works.</param>
/// <param name="say">Told what happens.</param>
public sealed class SweepWorker(ExperimentFile files, SweepDatabase database, WorkerSettings settings, Action<string> say)
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(1), Announcement = TimeSpan.FromSeconds(10);
    private const long LeastSpace = 100_000_000;

    private readonly SweepTables tables = new(database.Source);

    /// <summary>Works until it is stopped, or, where that was asked for, until nothing is left.</summary>
    /// <exception cref="AfterimageException">The database or this machine does not allow it.</exception>
    public void Run(CancellationToken stopping)
    {
        Migrations.Check(database);
        CheckSpace();
        var me = Me();
        var storage = database.Storage(prepare: false);
        using var runner = new CaseRunner(files, tables, settings, me.Id, say);
        var activator = new CaseJob.Activator(new CaseJob(runner.Run));
        var (queues, ended) = (Array.Empty<string>(), new List<BackgroundJobServer>());
        BackgroundJobServer? server = null;
        var announced = long.MinValue;
        say($"{me.Id}: {me.Slots} slots of {settings.Threads} threads, {me.Memory:N0} MiB, {me.Device}, data " +
            $"{(me.Data.Count == 0 ? "none" : string.Join(", ", me.Data))}.");
        while (!stopping.IsCancellationRequested && runner.Ill is null)
        {
            if (Try(() => Matching(me)) is { } now)
            {
                if (!now.SequenceEqual(queues))
                {
                    // The old one finishes its cases while the new one takes others.
                    server?.SendStop();
                    if (server is not null)
                        ended.Add(server);
                    queues = now;
                    server = queues.Length == 0 ? null : Server(storage, queues, activator);
                }
                if (announced == long.MinValue || Stopwatch.GetElapsedTime(announced) > Announcement)
                {
                    Try(() => { tables.Announce(me, Environment.MachineName); return ""; });
                    announced = Stopwatch.GetTimestamp();
                }
                if (settings.UntilEmpty && runner.Running == 0
                    && Try(() => queues.Length == 0 || tables.Left(queues) == 0 ? "" : null) is not null)
                    break;
            }
            stopping.WaitHandle.WaitOne(Beat);
        }
        if (runner.Running > 0)
            say($"Ends; {runner.Running} cases may take {settings.Drain:0} more seconds, then they go to other workers.");
        if (server is not null)
            ended.Add(server);
        ended.ForEach(other => other.SendStop());
        ended.ForEach(other => other.Dispose());
        Try(() => { tables.Leave(me.Id); return ""; });
        if (runner.Ill is { } ill)
            throw new AfterimageException(ill);
    }

    private BackgroundJobServer Server(JobStorage storage, string[] queues, JobActivator activator) => new(new BackgroundJobServerOptions
    {
        WorkerCount = settings.Slots,
        Queues = queues,
        Activator = activator,
        HeartbeatInterval = TimeSpan.FromSeconds(5),
        ServerTimeout = TimeSpan.FromSeconds(30),
        ServerCheckInterval = TimeSpan.FromSeconds(15),
        SchedulePollingInterval = TimeSpan.FromSeconds(1),
        CancellationCheckInterval = TimeSpan.FromSeconds(5),
        ShutdownTimeout = TimeSpan.FromSeconds(settings.Drain),
        StopTimeout = TimeSpan.Zero,
    }, storage);

    private string[] Matching(WorkerState me) => [.. tables.Needs().Where(need => need.Device == me.Device.Split(':')[0]
        && need.Memory <= me.Memory && need.Data.All(me.Data.Contains)).Select(need => need.Queue).Order(StringComparer.Ordinal)];

    /// <summary>Null, and a word, where the database is away: the worker goes on when it is back.</summary>
    private T? Try<T>(Func<T?> work) where T : class
    {
        try
        {
            return work();
        }
        catch (NpgsqlException fault) when (fault.IsTransient || fault.InnerException is IOException)
        {
            say($"{DatabaseFault.Sentence(database, fault)} Tries again.");
            return null;
        }
    }

    private WorkerState Me()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20;
        var data = DataCatalog.Entries.Where(entry => DataFolders.Standard().Search(entry, [.. entry.Marks]) is not null)
            .Select(entry => entry.Name).ToValueList();
        return new($"{Environment.MachineName}:{Environment.ProcessId}", Environment.ProcessorCount, memory, settings.Device, data,
            settings.Slots, 0);
    }

    private void CheckSpace()
    {
        try
        {
            Directory.CreateDirectory(settings.Scratch);
            var free = new DriveInfo(Path.GetFullPath(settings.Scratch)).AvailableFreeSpace;
            if (free < LeastSpace)
                throw new AfterimageException($"{settings.Scratch} has {free / 1e6:0} MB left, too few for a worker: free space " +
                    "there, or name " +
                    "another folder with --scratch.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new AfterimageException($"{settings.Scratch} cannot be written to ({fault.Message.TrimEnd('.')}): name another " +
                "folder with " +
                "--scratch.", fault);
        }
    }
}
