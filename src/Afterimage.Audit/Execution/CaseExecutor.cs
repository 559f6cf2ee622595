using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>Runs one case at a time on every thread that asks.</summary>
public abstract class CaseExecutor : IDisposable
{
    /// <summary>One that runs cases in child processes of this program, so that one that ends its process by force ends no other.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="measurement">What is measured.</param>
    /// <param name="options">Device, operator, threads and folder of every case.</param>
    public static CaseExecutor InChildren(ExperimentFile files, Measurement measurement, RunOptions options) =>
        new ChildProcess(files, measurement, options);

    /// <summary>Runs one case.</summary>
    /// <param name="one">The case.</param>
    /// <param name="publish">Told of its iterates; thread-safe.</param>
    /// <param name="cancellation">Asks for an early end.</param>
    /// <returns>What ends the case; null where it was stopped before there was anything.</returns>
    /// <exception cref="AfterimageException">The case failed, and the measurement has no result for that.</exception>
    public abstract CaseResult? Execute(Case one, Action<AuditEvent> publish, CancellationToken cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends what waits for cases.</summary>
    protected virtual void Close() { }
}
