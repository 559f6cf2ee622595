using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Afterimage.Attacks;
using Afterimage.Audit.Experiments;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Leakage;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Audit.Running;

/// <summary>
/// An audit under way on a thread of its own: events as they happen, and the report at the end. The journal in the folder
/// holds every finished case, so that an interrupted audit goes on where it was.
/// </summary>
public sealed class AuditRun
{
    private readonly Channel<AuditEvent> events = Channel.CreateBounded<AuditEvent>(new BoundedChannelOptions(1024) { SingleReader = true });
    private readonly ExperimentFile files;
    private readonly Experiment experiment;
    private readonly RunOptions options;
    private readonly CancellationToken cancellation;
    private readonly Stopwatch clock = Stopwatch.StartNew();

    private AuditRun(ExperimentFile files, Experiment experiment, RunOptions options, CancellationToken cancellation)
    {
        (this.files, this.experiment, this.options, this.cancellation) = (files, experiment, options, cancellation);
        Report = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Must be read to the end, or the audit waits; iterates are dropped while nobody reads.</summary>
    public ChannelReader<AuditEvent> Events => events.Reader;

    /// <summary>Completes when report.html, report.json, report.csv and events.jsonl are in the folder.</summary>
    public Task<AuditReport> Report { get; }

    /// <summary>Starts an audit. Cancellation stops it after the current iterate; what was found is reported.</summary>
    public static AuditRun Start(ExperimentFile files, Experiment experiment, RunOptions options, CancellationToken cancellation = default) =>
        new(files, experiment, options, cancellation);

    private AuditReport Run()
    {
        try
        {
            set_num_threads(options.Threads);
            var cases = files.Expand(experiment);
            Directory.CreateDirectory(options.Folder);
            var before = options.Resume ? Earlier(cases) : [];
            if (!options.Resume)
                File.Delete(Path.Combine(options.Folder, Journal.FileName));
            using var journal = Journal.Open(options.Folder);
            var header = Header();
            Publish(journal, new AuditStarted(header, [.. cases.Select(one => new CaseTitle(one.Id, one.Name))]));
            var reports = RunCases(journal, cases, before);
            var comparison = ForecastComparison.Of(reports);
            var report = header with
            {
                Cases = [.. reports],
                Verdict = VerdictRule.Standard.Of(reports),
                Comparison = comparison,
                Findings = AuditFindings.Of(reports),
                Citations = [.. reports.SelectMany(one => one.Cites).Concat(comparison is null ? [] : ForecastComparison.Cites).Distinct().Order(StringComparer.Ordinal).Select(References.Find)],
            };
            JsonExporter.Export(report, options.Folder);
            CsvExporter.Export(report, options.Folder);
            HtmlExporter.Export(report, options.Folder);
            if (!cancellation.IsCancellationRequested)
                Publish(journal, new AuditFinished(report));
            events.Writer.Complete();
            return report;
        }
        catch (Exception error)
        {
            events.Writer.Complete(error);
            throw;
        }
    }

    private List<CaseReport> RunCases(Journal journal, IReadOnlyList<Case> cases, ImmutableDictionary<string, CaseReport> before)
    {
        var atOnce = Math.Clamp(options.Parallel, 1, cases.Count);
        var runner = new CaseRunner(options, options.Parallel / atOnce, clock, next => PublishIterate(journal, next));
        var reports = new CaseReport?[cases.Count];
        var next = -1;
        void Work()
        {
            for (var i = Interlocked.Increment(ref next); i < cases.Count; i = Interlocked.Increment(ref next))
                reports[i] = before.GetValueOrDefault(cases[i].Id) is { } earlier ? Keep(journal, earlier) : RunOne(journal, runner, cases[i]);
        }
        // Threads of their own, for dispose scopes belong to a thread and a case must stay on one.
        var workers = Enumerable.Range(1, atOnce - 1)
            .Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Work();
        Task.WaitAll(workers, CancellationToken.None);
        return [.. reports.OfType<CaseReport>()];
    }

    private CaseReport Keep(Journal journal, CaseReport earlier)
    {
        Publish(journal, new CaseFinished(earlier));
        return earlier;
    }

    private CaseReport? RunOne(Journal journal, CaseRunner runner, Case one)
    {
        if (cancellation.IsCancellationRequested)
            return null;
        Publish(journal, new CaseStarted(one.Id, one.Name, Budget(one)));
        var report = runner.Run(one, cancellation);
        // A canceled case is shown, but not journaled as finished: a resumed audit runs it again.
        if (!cancellation.IsCancellationRequested)
            Publish(journal, new CaseFinished(report));
        return report;
    }

    private ImmutableDictionary<string, CaseReport> Earlier(IReadOnlyList<Case> cases)
    {
        var ids = cases.Select(one => one.Id).ToHashSet();
        return Journal.Read(options.Folder).OfType<CaseFinished>()
            .Where(finished => ids.Contains(finished.Report.Id) && finished.Report.Outcome != nameof(OutcomeKind.Crashed))
            .GroupBy(finished => finished.Report.Id).ToImmutableDictionary(group => group.Key, group => group.Last().Report);
    }

    private static int Budget(Case one) => one.Configuration.Attack.Budget;

    private void Publish(Journal journal, AuditEvent next)
    {
        var stamped = next with { At = clock.Elapsed.TotalSeconds };
        lock (journal)
            journal.Append(stamped);
        while (!events.Writer.TryWrite(stamped))
            Thread.Sleep(5);
    }

    private void PublishIterate(Journal journal, AuditEvent next)
    {
        lock (journal)
            journal.Append(next);
        events.Writer.TryWrite(next);
    }

    private AuditReport Header() => new()
    {
        Version = typeof(AuditRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown",
        Title = experiment.Title,
        Started = TimeProvider.System.GetUtcNow(),
        Experiment = files.Write(experiment),
        Command = options.Command,
        Machine = new(RuntimeInformation.OSDescription, Processor(), Environment.ProcessorCount, RuntimeInformation.FrameworkDescription,
            $"TorchSharp {typeof(torch).Assembly.GetName().Version?.ToString(3)}", options.Device),
        Verdict = new(LeakLevel.Inconclusive, "The audit has not finished."),
    };

    private static string Processor()
    {
        var line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
