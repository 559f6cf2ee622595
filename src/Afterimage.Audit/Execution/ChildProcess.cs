using System.Collections.Concurrent;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>
/// Runs cases in child processes, as many as threads ask at once: what ends a child by force ends one case. A child gets a case as one
/// line of JSON on its standard input, whose end asks it to stop, answers with lines of <see cref="AuditEvent"/>, and then waits for the
/// next case, for the start of libtorch takes longer than many a case; see <see cref="ChildCase"/>.
/// </summary>
public sealed class ChildProcess : CaseExecutor
{
    /// <summary>What a child that is asked to stop may still take.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly ConcurrentBag<Child> idle = [];
    private readonly ExperimentFile files;
    private readonly Measurement measurement;
    private readonly RunOptions options;
    private readonly ChildProgram program;
    private readonly OrderText text;

    /// <summary>Children are this program again.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="measurement">What is measured.</param>
    /// <param name="options">Device, operator, threads and folder of every case.</param>
    public ChildProcess(ExperimentFile files, Measurement measurement, RunOptions options)
        : this(files, measurement, options, ChildProgram.Own())
    {
    }

    internal ChildProcess(ExperimentFile files, Measurement measurement, RunOptions options, ChildProgram program) =>
        (this.files, this.measurement, this.options, this.program, text) = (files, measurement, options, program, new(files));

    /// <inheritdoc/>
    public override CaseResult? Execute(Case one, Action<AuditEvent> publish, CancellationToken cancellation) =>
        Execute(CaseOrder.For(one, measurement, options, files.Write(one.Configuration)), publish, cancellation);

    /// <summary>Runs a case as it was ordered, with the order's measurement and options.</summary>
    /// <param name="order">The order.</param>
    /// <param name="publish">Told of its iterates; thread-safe.</param>
    /// <param name="cancellation">Asks for an early end.</param>
    /// <exception cref="AfterimageException">The case failed, and the measurement has no result for that.</exception>
    public CaseResult? Execute(CaseOrder order, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var effort = new Effort();
        var line = text.Write(order);
        CaseResult? Failed(OutcomeKind kind, string advice) => order.Measurement.Failed(order.Case(files), new(kind, advice), effort);
        while (true)
        {
            var child = idle.TryTake(out var waiting) ? waiting : new Child(program);
            using var deadline = new Timer(_ => child.Kill());
            CaseResult? result;
            bool heard;
            using (cancellation.Register(() =>
            {
                deadline.Change(Grace, Timeout.InfiniteTimeSpan);
                child.Close();
            }))
                result = child.Ask(line, publish, out heard);
            if (result is not null && !cancellation.IsCancellationRequested)
                idle.Add(child);
            else
                using (child)
                {
                    if (result is not null)
                        return result;
                    if (cancellation.IsCancellationRequested)
                    {
                        const string Stopped = "Stopped before there was anything to show; --resume runs the case again.";
                        return Failed(OutcomeKind.Canceled, Stopped);
                    }
                    // It died while it waited, which says nothing of this case.
                    if (child.Proven && !heard)
                        continue;
                    var advice = child.Advice();
                    return Failed(OutcomeKind.Crashed, advice) ?? throw new AfterimageException(advice);
                }
            return result;
        }
    }

    /// <inheritdoc/>
    protected override void Close()
    {
        while (idle.TryTake(out var child))
            child.Dispose();
    }
}
