using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>What is measured of every case of an experiment: plain data, so that a child process can be asked for it as well.</summary>
public abstract record Measurement
{
    /// <summary>Names the stream of random numbers that a case gets.</summary>
    public virtual string Stream => "attack";

    /// <summary>Whether a run is journaled in its folder, locks it, and can be resumed.</summary>
    public virtual bool Journaled => false;

    /// <summary>What the run is called.</summary>
    public virtual string Title(Experiment experiment) => experiment.Title;

    /// <summary>Why an experiment is none to measure so, one sentence; null where it can be measured.</summary>
    public virtual string? Fault(Experiment experiment) => experiment.Federation is null ? null
        : "The experiment trains a federation: run it with \"afterimage defend\", or leave out \"federation\".";

    /// <summary>Evaluations that a case may use at most; 0 when unknown.</summary>
    public virtual int Budget(Case one) => 0;

    /// <summary>Wall time that a case may take, in seconds; null for as long as it takes.</summary>
    public virtual double? Seconds(Case one) => null;

    /// <summary>Measures a case; runs on one thread, in the caller's dispose scope.</summary>
    /// <param name="opened">The case; the caller disposes it.</param>
    /// <param name="publish">Told of what happens on the way; thread-safe.</param>
    /// <param name="cancellation">Asks for an early end: what is known then, or an <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="AfterimageException">The case does not allow it.</exception>
    public abstract CaseResult Measure(OpenCase opened, Action<AuditEvent> publish, CancellationToken cancellation);

    /// <summary>The result of a case that failed or was stopped; null where a failure ends the whole run.</summary>
    public virtual CaseResult? Failed(Case one, Outcome failure, Effort effort) => null;
}

/// <summary>A measurement whose results make up a report.</summary>
public abstract record Measurement<TReport> : Measurement
{
    /// <summary>Makes the report of all cases that have a result, in their order, and writes what belongs into the folder.</summary>
    /// <param name="header">Version, title, experiment, command and machine.</param>
    public abstract TReport Conclude(AuditReport header, IReadOnlyList<CaseResult> results, RunOptions options);

    /// <summary>The event that ends a run; null for none.</summary>
    public virtual AuditEvent? Finished(TReport report) => null;
}
