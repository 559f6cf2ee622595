using System.IO.Compression;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Reports;
using Afterimage.Sweeps.Database;

namespace Afterimage.Sweeps.Dispatch;

/// <summary>Looks at sweeps in a database, cancels them and collects their results.</summary>
/// <param name="database">Opened by the owner of the tables.</param>
public sealed class StoredSweeps(SweepDatabase database)
{
    private readonly SweepTables tables = new(database.Source);

    /// <summary>Every sweep, the oldest first.</summary>
    public IReadOnlyList<SweepState> Sweeps()
    {
        Migrations.Check(database);
        return tables.Sweeps();
    }

    /// <summary>Workers that were heard of within the hour.</summary>
    public IReadOnlyList<WorkerState> Workers() => tables.Workers();

    /// <summary>The queues whose needs no living worker meets, with how many cases wait there.</summary>
    public IReadOnlyList<(CaseNeeds Needs, long Waiting)> Unmet()
    {
        var workers = Workers().Where(worker => worker.Silent < 60).ToArray();
        return [.. tables.Needs().Where(need => !workers.Any(worker => need.Device == worker.Device.Split(':')[0]
            && need.Memory <= worker.Memory && need.Data.All(worker.Data.Contains)))
            .Select(need => (need, tables.Left([need.Queue]))).Where(pair => pair.Item2 > 0)];
    }

    /// <summary>The sweep that begins with these letters; the only one where none are given.</summary>
    /// <exception cref="AfterimageException">There is none, or more than one.</exception>
    public SweepState Find(string? id)
    {
        var all = Sweeps();
        var found = all.Where(sweep => id is null || sweep.Id.StartsWith(id, StringComparison.Ordinal)).ToArray();
        return found is [var only] ? only : throw new AfterimageException(
            $"{(id is null ? "There is more than one sweep, or none" : $"There is no one sweep \"{id}\"")}; there are " +
            $"{(all.Count == 0 ? "none" : string.Join(", ", all.Select(sweep => $"{sweep.Id} ({sweep.Title})")))}.");
    }

    /// <summary>No case of a sweep begins any more, and those under way stop within seconds; results stay.</summary>
    public void Cancel(string sweep) => database.Source.Run("update afterimage.sweep set canceled = true where id = $1", sweep);

    /// <summary>Writes the report of all results so far into a folder.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="sweep">The sweep.</param>
    /// <param name="folder">Its folder.</param>
    /// <returns>The report, and how many cases have no result.</returns>
    public (AuditReport Report, int Missing) Collect(ExperimentFile files, string sweep, string folder)
    {
        var header = (AuditStarted)ReportJson.ReadEvent(database.Source.Read("select header from afterimage.sweep where id = $1",
            row => row.GetString(0), sweep).Single())!;
        Directory.CreateDirectory(folder);
        var found = new Dictionary<string, CaseFinished>();
        using var command = database.Source.CreateCommand("select id, event, files from afterimage.result where sweep = $1");
        command.Parameters.Add(new() { Value = sweep });
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            found[reader.GetString(0)] = (CaseFinished)ReportJson.ReadEvent(reader.GetString(1))!;
            if (reader.IsDBNull(2))
                continue;
            using var archive = new ZipArchive(new MemoryStream(reader.GetFieldValue<byte[]>(2)));
            archive.ExtractToDirectory(folder, overwriteFiles: true);
        }
        return JournalMerge.Conclude(files, header.Header, found, folder);
    }
}
