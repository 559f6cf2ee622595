using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>
/// The one engine behind audits and other measurements: an experiment's cases under way on a thread of its own, with events as they
/// happen and the report at the end.
/// </summary>
public sealed class ExperimentRun<TReport>
{
    private readonly Channel<AuditEvent> events =
        Channel.CreateBounded<AuditEvent>(new BoundedChannelOptions(1024) { SingleReader = true });
    private readonly ExperimentFile files;
    private readonly Experiment experiment;
    private readonly Measurement<TReport> measurement;
    private readonly RunOptions options;
    private readonly ClientRound? opened;
    private readonly CancellationToken cancellation;
    private readonly Stopwatch clock = Stopwatch.StartNew();

    internal ExperimentRun(ExperimentFile files, Experiment experiment, Measurement<TReport> measurement, RunOptions options,
        ClientRound? opened, CancellationToken cancellation)
    {
        (this.files, this.experiment, this.measurement) = (files, experiment, measurement);
        (this.options, this.opened, this.cancellation) = (options, opened, cancellation);
        Report = OnThread(Run);
    }

    /// <summary>Must be read to the end, or the run waits; iterates are dropped while nobody reads.</summary>
    public ChannelReader<AuditEvent> Events => events.Reader;

    /// <summary>Completes when all that the measurement writes is in the folder.</summary>
    public Task<TReport> Report { get; }

    private TReport Run()
    {
        try
        {
            if (measurement.Fault(experiment) is { } fault)
                throw new AfterimageException(fault);
            var all = files.Expand(experiment);
            var cases = options.Shard?.Of(all) ?? all;
            var header = ExperimentRun.Header(files, experiment, measurement, options);
            var started = new AuditStarted(header, [.. cases.Select(one => new CaseTitle(one.Id, one.Name))]);
            using Ledger ledger = measurement.Journaled ? new JournalLedger(options.Folder, options.Resume, started) : new NoLedger();
            Publish(ledger, started);
            var report = measurement.Conclude(header, Execute(ledger, cases), options);
            if (!cancellation.IsCancellationRequested && measurement.Finished(report) is { } last)
                Publish(ledger, last);
            events.Writer.Complete();
            return report;
        }
        catch (Exception error)
        {
            events.Writer.Complete(error);
            throw;
        }
    }

    private List<CaseResult> Execute(Ledger ledger, IReadOnlyList<Case> cases)
    {
        var atOnce = Math.Clamp(options.Parallel, 1, Math.Max(1, cases.Count));
        var within = options with { Parallel = options.Parallel / atOnce };
        using var executor = options.Isolate
            ? CaseExecutor.InChildren(files, measurement, within)
            : new InProcess(measurement, within, options.Device == "cpu" ? opened : null);
        var results = new CaseResult?[cases.Count];
        var next = -1;
        void Work()
        {
            for (var i = Interlocked.Increment(ref next); i < cases.Count; i = Interlocked.Increment(ref next))
                results[i] = ledger.Finished.GetValueOrDefault(cases[i].Id) is { } kept
                    ? Show((CaseResult)Stamped(kept)) : ExecuteOne(ledger, executor, cases[i]);
        }
        // Threads of their own, for dispose scopes belong to a thread and a case must stay on one.
        var workers = Enumerable.Range(1, atOnce - 1).Select(_ => OnThread<object?>(() =>
        {
            Work();
            return null;
        })).ToArray();
        Work();
        Task.WaitAll(workers, CancellationToken.None);
        return [.. results.OfType<CaseResult>()];
    }

    private CaseResult? ExecuteOne(Ledger ledger, CaseExecutor executor, Case one)
    {
        if (cancellation.IsCancellationRequested)
            return null;
        Publish(ledger, new CaseStarted(one.Id, one.Name, measurement.Budget(one), measurement.Seconds(one)));
        var result = executor.Execute(one, next => PublishIterate(ledger, next), cancellation);
        // A canceled case is shown, but not journaled as finished: a resumed run executes it again.
        if (result is not null && !cancellation.IsCancellationRequested)
            Publish(ledger, result);
        return result;
    }

    private void Publish(Ledger ledger, AuditEvent next)
    {
        var stamped = Stamped(next);
        ledger.Append(stamped);
        Show(stamped);
    }

    private void PublishIterate(Ledger ledger, AuditEvent next)
    {
        var stamped = Stamped(next);
        ledger.Append(stamped);
        events.Writer.TryWrite(stamped);
    }

    private AuditEvent Stamped(AuditEvent next) => next with { At = clock.Elapsed.TotalSeconds };

    /// <summary>Without the ledger, which has the results of an earlier run already.</summary>
    private T Show<T>(T next) where T : AuditEvent
    {
        while (!events.Writer.TryWrite(next))
            Thread.Sleep(5);
        return next;
    }

    private static Task<T> OnThread<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}

/// <summary>Starts runs.</summary>
public static class ExperimentRun
{
    /// <summary>
    /// Starts to measure every case of an experiment. Cancellation stops it after the current iterate; what was found is reported. A
    /// journaled run that stopped is resumed from its folder.
    /// </summary>
    public static ExperimentRun<TReport> Start<TReport>(ExperimentFile files, Experiment experiment, Measurement<TReport> measurement,
        RunOptions options, CancellationToken cancellation = default) =>
        new(files, experiment, measurement, options, null, cancellation);

    /// <summary>The same for an experiment whose check has opened its only case.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="experiment">What is measured.</param>
    /// <param name="measurement">How.</param>
    /// <param name="options">Device, operator, threads and folder.</param>
    /// <param name="opened">The round of the only case on the CPU, whose owner keeps it until the run has ended; or null.</param>
    /// <param name="cancellation">Stops after the current iterate.</param>
    public static ExperimentRun<TReport> Start<TReport>(ExperimentFile files, Experiment experiment, Measurement<TReport> measurement,
        RunOptions options, ClientRound? opened, CancellationToken cancellation) =>
        new(files, experiment, measurement, options, opened, cancellation);

    /// <summary>A report without cases and verdict: what is run, and where.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="experiment">What is measured.</param>
    /// <param name="measurement">How.</param>
    /// <param name="options">Device and command line.</param>
    public static AuditReport Header(ExperimentFile files, Experiment experiment, Measurement measurement, RunOptions options) => new()
    {
        Version = Version(),
        Title = measurement.Title(experiment),
        Started = TimeProvider.System.GetUtcNow(),
        Experiment = files.Write(experiment),
        Command = options.Command,
        Machine = new(RuntimeInformation.OSDescription, Processor(), Environment.ProcessorCount, RuntimeInformation.FrameworkDescription,
            $"TorchSharp {typeof(torch).Assembly.GetName().Version?.ToString(3)}", options.Device),
        Verdict = new(LeakLevel.Inconclusive, "The audit has not finished."),
    };

    private static string Version()
    {
        var stated = typeof(ExperimentRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        return stated?.InformationalVersion.Split('+')[0] ?? "unknown";
    }

    private static string Processor()
    {
        const string Cpus = "/proc/cpuinfo";
        var lines = File.Exists(Cpus) ? File.ReadLines(Cpus) : [];
        var line = lines.FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal));
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
