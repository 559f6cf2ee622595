using System.Text.Json;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Files;
using Hangfire.Common;
using Hangfire.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Afterimage.Sweeps.Dispatch;

/// <summary>What a sweep asks of the machines that run it.</summary>
public sealed record EnqueueSettings
{
    /// <summary>Mebibytes of memory of a worker that may take a case.</summary>
    [Range(0, 100_000_000)]
    public long Memory { get; init; }

    /// <summary>Seconds that a case may take; null for as long as it takes.</summary>
    [Range(0, 1e9)]
    public double? Limit { get; init; }

    /// <summary>The largest file that travels, in bytes.</summary>
    [Range(0, 1_000_000_000)]
    public long LargestFile { get; init; } = 200_000_000;

    /// <summary>Whether cases that crashed are run again.</summary>
    public bool Again { get; init; }
}

/// <summary>Puts the cases of a sweep into the database; a case that is there already stays as it is.</summary>
/// <param name="files">Reads experiments.</param>
/// <param name="database">Opened by the owner of the tables.</param>
/// <param name="settings">What workers must have.</param>
public sealed class Enqueuing(ExperimentFile files, SweepDatabase database, EnqueueSettings settings)
{
    private const string Sweep = "@sweep@", Id = "@case@", Queue = "queue_of_case";

    private readonly Dictionary<string, string> hashes = [];

    /// <summary>The identity of a sweep: of its experiment and of how its cases are measured.</summary>
    public static string Identity(ExperimentFile files, Experiment experiment, AttackAndJudge measurement, RunOptions options) =>
        TravelingFiles.Hash(System.Text.Encoding.UTF8.GetBytes(
            $"{files.Write(experiment)}\n{measurement.Leakage}\n{options.Operator}\n{options.Device}"))[..12];

    /// <summary>Stores cases and makes a job of each.</summary>
    /// <param name="experiment">The sweep.</param>
    /// <param name="measurement">What is measured of each case.</param>
    /// <param name="options">Device and operator.</param>
    /// <param name="say">Told how far this is.</param>
    /// <param name="cancellation">Stops before anything is enqueued.</param>
    /// <returns>The sweep, and how many jobs were made.</returns>
    public (string Sweep, int Jobs) Run(Experiment experiment, AttackAndJudge measurement, RunOptions options, Action<string> say,
        CancellationToken cancellation)
    {
        Migrations.Apply(database);
        var all = files.Expand(experiment);
        var cases = options.Shard?.Of(all) ?? all;
        var sweep = Identity(files, experiment, measurement, options);
        var header = new AuditStarted(ExperimentRun.Header(files, experiment, measurement, options), []);
        using var connection = database.Source.OpenConnection();
        using var transaction = connection.BeginTransaction();
        connection.Run("""
            insert into afterimage.sweep (id, title, header) values ($1, $2, $3) on conflict (id) do update set canceled = false
            """, sweep, measurement.Title(experiment), ReportJson.WriteEvent(header));
        connection.Run("create temp table arriving (like afterimage.task) on commit drop");
        Copy(connection, sweep, cases, measurement, options, say, cancellation);
        connection.Run("""
            insert into afterimage.task select * from arriving on conflict do nothing
            """);
        if (settings.Again)
            connection.Run("""
                with again as (delete from afterimage.result where sweep = $1 and outcome = 'Crashed' returning id)
                update afterimage.task set queued = false, attempts = 0 where sweep = $1 and id in (select id from again)
                """, sweep);
        cancellation.ThrowIfCancellationRequested();
        var jobs = MakeJobs(connection, sweep);
        transaction.Commit();
        return (sweep, jobs);
    }

    private void Copy(NpgsqlConnection connection, string sweep, IReadOnlyList<Case> cases, AttackAndJudge measurement, RunOptions options,
        Action<string> say, CancellationToken cancellation)
    {
        // The worker chooses folder and threads.
        var run = new RunOptions { Folder = ".", Device = options.Device, Operator = options.Operator, Command = options.Command };
        var text = new OrderText(files);
        var needs = new Dictionary<string, CaseNeeds>();
        var bodies = new List<(Case One, string Body, CaseNeeds Needs)>();
        var (lastJson, own) = ("", "");
        foreach (var (number, one) in cases.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            // The trials of a setting share their text.
            if (one.Json != lastJson)
                (lastJson, own) = (one.Json, files.Write(one.Configuration));
            var order = TravelingFiles.Packed(files, CaseOrder.For(one, measurement, run, own), path => Store(connection, path));
            if (!needs.TryGetValue(one.Json, out var need))
                needs[one.Json] = need = CaseNeeds.Of(one.Json, options.Device, settings.Memory);
            bodies.Add((one, text.Write(order), need));
            if (number % 10_000 == 9_999)
                say($"  prepared {number + 1:N0} of {cases.Count:N0} cases");
        }
        foreach (var need in needs.Values.Distinct())
            connection.Run("insert into afterimage.need (queue, device, memory, data) values ($1, $2, $3, $4) on conflict do nothing",
                need.Queue, need.Device, need.Memory, need.Data.ToArray());
        using var copy = connection.BeginBinaryImport(
            "copy arriving (sweep, id, place, name, body, queue, seconds, attempts, queued) from stdin (format binary)");
        foreach (var (place, (one, body, need)) in bodies.Index())
        {
            copy.StartRow();
            copy.Write(sweep);
            copy.Write(one.Id);
            copy.Write(place);
            copy.Write(one.Name);
            copy.Write(body);
            copy.Write(need.Queue);
            if (settings.Limit is { } limit)
                copy.Write(limit);
            else
                copy.WriteNull();
            copy.Write(0);
            copy.Write(false);
        }
        copy.Complete();
    }

    /// <summary>
    /// Makes Hangfire jobs in a few statements for all cases: its client makes them one by one, in some milliseconds each. The text of a
    /// job is Hangfire's own, with other words in it.
    /// </summary>
    private static int MakeJobs(NpgsqlConnection connection, string sweep)
    {
        var job = InvocationData.SerializeJob(Job.FromExpression<CaseJob>(one => one.Run(Sweep, Id, CancellationToken.None), Queue));
        var now = JobHelper.SerializeDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var state = JsonSerializer.Serialize(new { EnqueuedAt = now, Queue });
        connection.Run($"""
            create temp table fresh on commit drop as
            select nextval('{SweepDatabase.Jobs}.job_id_seq') as job, nextval('{SweepDatabase.Jobs}.state_id_seq') as state, waiting.*
            from (select sweep, id, queue from afterimage.task where sweep = '{sweep}' and not queued and not exists
                (select from afterimage.result where result.sweep = task.sweep and result.id = task.id) order by place) waiting
            """);
        const string Filled = "replace(replace(replace($1, '@sweep@', sweep), '@case@', id), 'queue_of_case', queue)";
        var count = connection.Run($"""
            insert into {SweepDatabase.Jobs}.job (id, stateid, statename, invocationdata, arguments, createdat)
            select job, state, 'Enqueued', {Filled}::jsonb, {Filled.Replace("$1", "$2")}::jsonb, now() from fresh
            """, job.SerializePayload(), job.Arguments);
        connection.Run($"""
            insert into {SweepDatabase.Jobs}.state (id, jobid, name, createdat, data)
            select state, job, 'Enqueued', now(), {Filled}::jsonb from fresh
            """, state);
        connection.Run($"insert into {SweepDatabase.Jobs}.jobqueue (jobid, queue) select job, queue from fresh order by job");
        connection.Run("update afterimage.task set queued = true from fresh where task.sweep = fresh.sweep and task.id = fresh.id");
        connection.Run("notify new_job");
        return count;
    }

    private string Store(NpgsqlConnection connection, string path)
    {
        var full = Path.GetFullPath(path);
        if (hashes.TryGetValue(full, out var known))
            return known;
        var file = new FileInfo(full);
        if (!file.Exists)
            throw new AfterimageException($"{path} does not exist, so it cannot travel to workers: check the name in the experiment.");
        if (file.Length > settings.LargestFile)
            throw new AfterimageException($"{path} has {file.Length / 1e6:N0} MB, more than the {settings.LargestFile / 1e6:N0} MB " +
                "that may " +
                "travel: raise --largest-file, or put it into a folder of data of every worker.");
        var content = File.ReadAllBytes(full);
        var hash = TravelingFiles.Hash(content);
        using var command = new NpgsqlCommand("insert into afterimage.blob (hash, content) values ($1, $2) on conflict do " +
            "nothing", connection);
        command.Parameters.Add(new() { Value = hash });
        command.Parameters.Add(new() { Value = content, NpgsqlDbType = NpgsqlDbType.Bytea });
        command.ExecuteNonQuery();
        return hashes[full] = hash;
    }
}
