using Afterimage.Audit.Cases;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>Runs one case at a time on every thread that asks.</summary>
public abstract class CaseExecutor
{
    /// <summary>Runs one case.</summary>
    /// <param name="one">The case.</param>
    /// <param name="publish">Told of its iterates; thread-safe.</param>
    /// <param name="cancellation">Asks for an early end.</param>
    /// <returns>What ends the case; null where it was stopped before there was anything.</returns>
    /// <exception cref="AfterimageException">The case failed, and the measurement has no result for that.</exception>
    public abstract CaseResult? Execute(Case one, Action<AuditEvent> publish, CancellationToken cancellation);
}
