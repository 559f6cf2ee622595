using System.Collections.Immutable;
using Afterimage.Attacks;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>The journal of a report folder, which is locked as long as the ledger lives.</summary>
internal sealed class JournalLedger : Ledger
{
    private readonly FolderLock hold;
    private readonly Journal journal;
    private readonly bool complete;

    /// <summary>Locks a folder and opens its journal.</summary>
    /// <param name="folder">Created where there is none.</param>
    /// <param name="resume">Whether to go on with the journal that is there; otherwise it begins anew.</param>
    /// <param name="started">The run that begins.</param>
    /// <exception cref="AfterimageException">The journal to go on with is of an experiment with other cases.</exception>
    /// <exception cref="ReportException">Another run is at work in the folder, or its journal cannot be read.</exception>
    public JournalLedger(string folder, bool resume, AuditStarted started)
    {
        hold = FolderLock.Take(folder);
        try
        {
            var before = resume ? Journal.Read(folder) : [];
            Compare(folder, before.OfType<AuditStarted>().LastOrDefault(), started);
            if (resume)
                Finished = before.OfType<CaseFinished>()
                    .Where(finished => finished.Report.Outcome != nameof(OutcomeKind.Crashed)).GroupBy(finished => finished.CaseId)
                    .ToImmutableDictionary(group => group.Key, CaseResult (group) => group.Last());
            else
                File.Delete(Path.Combine(folder, Journal.FileName));
            complete = before is [.., AuditFinished] && started.CaseIds.All(title => Finished.ContainsKey(title.Id));
            journal = Journal.Open(folder);
        }
        catch
        {
            hold.Dispose();
            throw;
        }
    }

    public override ImmutableDictionary<string, CaseResult> Finished { get; } = ImmutableDictionary<string, CaseResult>.Empty;

    /// <summary>An audit that has ended already is shown again, and its journal stays as it is.</summary>
    public override void Append(AuditEvent next)
    {
        if (!complete)
            journal.Append(next);
    }

    /// <summary>More trials and more values of an axis only add cases; whatever else differs makes another audit.</summary>
    private static void Compare(string folder, AuditStarted? before, AuditStarted now)
    {
        if (before is null || before.CaseIds.All(title => now.CaseIds.Any(other => other.Id == title.Id)))
            return;
        throw new AfterimageException($"{folder} holds an audit of another experiment, so it cannot be resumed with this one: " +
            $"{ExperimentDifference.Between(before.Header.Experiment, now.Header.Experiment)}; " +
            "choose another folder with --out, or give the settings of the audit that is there.");
    }

    protected override void Close()
    {
        journal.Dispose();
        hold.Dispose();
    }
}
