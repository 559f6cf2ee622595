using Hangfire;

namespace Afterimage.Sweeps.Dispatch;

/// <summary>
/// The job of a case, as Hangfire calls it. A case that fails by itself has a result and is not tried again; what throws is the fault of
/// a worker or of the way to it, and is tried again by another worker, later and later.
/// </summary>
public sealed class CaseJob
{
    private readonly Action<string, string, CancellationToken> run;

    internal CaseJob(Action<string, string, CancellationToken> run) => this.run = run;

    /// <summary>Runs a case and stores its result.</summary>
    /// <param name="sweep">The sweep.</param>
    /// <param name="id">The case.</param>
    /// <param name="cancellation">The worker ends.</param>
    [AutomaticRetry(Attempts = 8, DelaysInSeconds = [1, 5, 15, 30, 60, 120, 300, 600])]
    public void Run(string sweep, string id, CancellationToken cancellation) => run(sweep, id, cancellation);

    /// <summary>Gives Hangfire the job of this worker.</summary>
    internal sealed class Activator(CaseJob job) : JobActivator
    {
        public override object ActivateJob(Type jobType) => job;
    }
}
