using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Measurements;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>Runs cases here, each on the thread that asks: dispose scopes belong to a thread, and a case must stay on one.</summary>
internal sealed class InProcess : CaseExecutor
{
    private readonly Measurement measurement;
    private readonly RunOptions options;
    private readonly ClientRound? opened;

    /// <param name="measurement">What is measured.</param>
    /// <param name="options"><see cref="RunOptions.Parallel"/> is the number of restarts at once within a case.</param>
    /// <param name="opened">The round of the only case, where it is open already; it stays its owner's.</param>
    public InProcess(Measurement measurement, RunOptions options, ClientRound? opened = null)
    {
        (this.measurement, this.options, this.opened) = (measurement, options, opened);
        set_num_threads(options.Threads);
    }

    public override CaseResult? Execute(Case one, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var effort = new Effort();
        CaseResult? Failed(OutcomeKind kind, string advice) => measurement.Failed(one, new(kind, advice), effort);
        try
        {
            using var scope = Tidy.Scope();
            using var open = new OpenCase(one, measurement.Stream, options, effort, publish, opened);
            return measurement.Measure(open, publish, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Failed(OutcomeKind.Canceled, "Stopped before there was anything to show; --resume runs the case again.");
        }
        catch (AfterimageException refusal) when (Failed(OutcomeKind.Refused, refusal.Message) is { } refused)
        {
            return refused;
        }
        catch (Exception crash) when (crash is not (OutOfMemoryException or AfterimageException) && Failed(OutcomeKind.Crashed,
            $"The case stopped on an error of the program, not of its input: {crash.GetType().Name}: {crash.Message.Split('\n')[0]}")
            is { } crashed)
        {
            return crashed;
        }
    }
}
