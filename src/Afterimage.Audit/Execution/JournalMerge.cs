using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>Puts the folders of an audit's shares together: one journal, one report.</summary>
public static class JournalMerge
{
    private static readonly string[] Kept = ["images", "reconstructions"];

    /// <summary>Merges folders into another one, which can be resumed to run what is missing.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="folders">Folders with the journals of one experiment; where two have a case, one that did not crash is kept.</param>
    /// <param name="into">The folder of the report.</param>
    /// <param name="command">The command line that the report names.</param>
    /// <returns>The report of all cases that have ended, and how many have not.</returns>
    /// <exception cref="AfterimageException">A folder has no journal, or that of another experiment.</exception>
    public static (AuditReport Report, int Missing) Into(ExperimentFile files, IReadOnlyList<string> folders, string into, string command)
    {
        AuditReport? header = null;
        var found = new Dictionary<string, CaseFinished>();
        foreach (var folder in folders)
        {
            var events = Journal.Read(folder);
            var next = events.OfType<AuditStarted>().LastOrDefault()?.Header
                ?? throw new AfterimageException($"{folder} holds no journal of an audit: name folders that \"sweep --shard\" wrote.");
            header ??= next;
            if (header.Experiment != next.Experiment)
                throw new AfterimageException($"{folder} holds another experiment than {folders[0]}: " +
                    $"{ExperimentDifference.Between(header.Experiment, next.Experiment)}.");
            foreach (var result in events.OfType<CaseFinished>())
                if (!found.TryGetValue(result.CaseId, out var other) || Crashed(other))
                    found[result.CaseId] = result;
        }
        foreach (var folder in folders.Where(folder => Path.GetFullPath(folder) != Path.GetFullPath(into)))
            Copy(folder, into);
        return Conclude(files, header! with { Command = command }, found, into);
    }

    /// <summary>Writes journal and report of the results of an experiment.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="header">Version, title, experiment, command and machine.</param>
    /// <param name="found">Results by the identity of their case.</param>
    /// <param name="into">The folder of the report, with its pictures.</param>
    /// <returns>The report, and how many cases have no result.</returns>
    public static (AuditReport Report, int Missing) Conclude(ExperimentFile files, AuditReport header,
        IReadOnlyDictionary<string, CaseFinished> found, string into)
    {
        var cases = files.Expand(files.Parse(header.Experiment, "The experiment"));
        CaseFinished[] results = [.. cases.Where(one => found.ContainsKey(one.Id)).Select(one => found[one.Id])];
        using var held = FolderLock.Take(into);
        File.Delete(Path.Combine(into, Journal.FileName));
        using var journal = Journal.Open(into);
        journal.Append(new AuditStarted(header, [.. cases.Select(one => new CaseTitle(one.Id, one.Name))]));
        foreach (var result in results)
            journal.Append(result);
        var report = new AttackAndJudge().Conclude(header, results, new() { Folder = into });
        if (results.Length == cases.Count)
            journal.Append(new AuditFinished(report));
        return (report, cases.Count - results.Length);
    }

    private static bool Crashed(CaseFinished result) => result.Report.Outcome == "Crashed";

    private static void Copy(string from, string into)
    {
        foreach (var part in Kept.Select(name => Path.Combine(from, name)).Where(Directory.Exists))
            foreach (var path in Directory.EnumerateFiles(part, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(into, Path.GetRelativePath(from, path));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target, overwrite: true);
            }
    }
}
