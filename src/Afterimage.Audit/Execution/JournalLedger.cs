using System.Collections.Immutable;
using Afterimage.Attacks;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>The journal of a report folder, which is locked as long as the ledger lives.</summary>
internal sealed class JournalLedger : Ledger
{
    private readonly FolderLock hold;
    private readonly Journal journal;

    /// <summary>Locks a folder and opens its journal.</summary>
    /// <param name="folder">Created where there is none.</param>
    /// <param name="resume">Whether to go on with the journal that is there; otherwise it begins anew.</param>
    /// <exception cref="ReportException">Another run is at work in the folder, or its journal cannot be read.</exception>
    public JournalLedger(string folder, bool resume)
    {
        hold = FolderLock.Take(folder);
        try
        {
            if (resume)
                Finished = Journal.Read(folder).OfType<CaseFinished>()
                    .Where(finished => finished.Report.Outcome != nameof(OutcomeKind.Crashed)).GroupBy(finished => finished.CaseId)
                    .ToImmutableDictionary(group => group.Key, CaseResult (group) => group.Last());
            else
                File.Delete(Path.Combine(folder, Journal.FileName));
            journal = Journal.Open(folder);
        }
        catch
        {
            hold.Dispose();
            throw;
        }
    }

    public override ImmutableDictionary<string, CaseResult> Finished { get; } = ImmutableDictionary<string, CaseResult>.Empty;

    public override void Append(AuditEvent next) => journal.Append(next);

    protected override void Close()
    {
        journal.Dispose();
        hold.Dispose();
    }
}
