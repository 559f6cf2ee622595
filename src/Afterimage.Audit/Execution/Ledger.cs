using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>Where the events of a run go, and where a resumed run finds the cases that are finished. Thread-safe.</summary>
public abstract class Ledger : IDisposable
{
    /// <summary>Finished cases by identity, for a run that resumes; without those that crashed, which are worth another try.</summary>
    public virtual ImmutableDictionary<string, CaseResult> Finished => ImmutableDictionary<string, CaseResult>.Empty;

    public abstract void Append(AuditEvent next);

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    protected virtual void Close() { }
}

/// <summary>Keeps nothing, for runs of which only the report is wanted.</summary>
internal sealed class NoLedger : Ledger
{
    public override void Append(AuditEvent next) { }
}
