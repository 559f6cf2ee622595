using Npgsql;

namespace Afterimage.Sweeps.Database;

/// <summary>A case as a worker takes it.</summary>
/// <param name="Name">The case for people.</param>
/// <param name="Body">Its order, one line of JSON.</param>
/// <param name="Seconds">What it may take; null for as long as it takes.</param>
/// <param name="Attempts">How many workers have taken it, this one included.</param>
/// <param name="Canceled">Whether its sweep was canceled.</param>
/// <param name="Ended">Whether it has a result.</param>
internal sealed record TakenCase(string Name, string Body, double? Seconds, int Attempts, bool Canceled, bool Ended);

/// <summary>The result of a case, for the table.</summary>
/// <param name="Event">The event that ends it, as JSON.</param>
/// <param name="Files">Its pictures and arrays as a ZIP archive; null for none.</param>
/// <param name="Outcome">Its outcome.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record StoredResult(string Event, byte[]? Files, string Outcome, double Seconds);

/// <summary>A sweep and how far it is.</summary>
/// <param name="Id">Its identity.</param>
/// <param name="Title">Its title.</param>
/// <param name="Cases">All cases.</param>
/// <param name="Ended">Those with a result.</param>
/// <param name="Crashed">Those whose result is a crash.</param>
/// <param name="Waiting">Those that wait for a worker or are with one.</param>
/// <param name="Canceled">Whether nobody may begin another one.</param>
/// <param name="Seconds">Seconds of all that have ended.</param>
public sealed record SweepState(string Id, string Title, int Cases, int Ended, int Crashed, int Waiting, bool Canceled, double Seconds);

/// <summary>A worker as it announced itself.</summary>
/// <param name="Id">Host and process.</param>
/// <param name="Cores">Its cores.</param>
/// <param name="Memory">Its memory in mebibytes.</param>
/// <param name="Device">cpu or cuda.</param>
/// <param name="Data">The public data sets that it has.</param>
/// <param name="Slots">Cases that it runs at once.</param>
/// <param name="Silent">Seconds since it was last heard of.</param>
public sealed record WorkerState(string Id, int Cores, long Memory, string Device, ValueList<string> Data, int Slots, double Silent);

/// <summary>What workers and status read and write.</summary>
/// <param name="source">Opens connections.</param>
internal sealed class SweepTables(NpgsqlDataSource source)
{
    public TakenCase? Take(string sweep, string id) => source.Read("""
        update afterimage.task set attempts = attempts + 1 where sweep = $1 and id = $2
        returning name, body, seconds, attempts, (select canceled from afterimage.sweep where id = $1),
            exists (select sweep, id from afterimage.result where result.sweep = $1 and result.id = $2)
        """, row => new TakenCase(row.GetString(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetDouble(2), row.GetInt32(3),
            row.GetBoolean(4), row.GetBoolean(5)), sweep, id).SingleOrDefault();

    /// <summary>The case goes back: this taking of it does not count.</summary>
    public void Return(string sweep, string id) =>
        source.Run("update afterimage.task set attempts = attempts - 1 where sweep = $1 and id = $2", sweep, id);

    /// <summary>No job is left for the case.</summary>
    public void Leave(string sweep, string id) =>
        source.Run("update afterimage.task set queued = false where sweep = $1 and id = $2", sweep, id);

    public bool IsCanceled(string sweep) =>
        source.Read("select canceled from afterimage.sweep where id = $1", row => row.GetBoolean(0), sweep).SingleOrDefault();

    /// <summary>Stores a result; the first one stays.</summary>
    public void Store(string sweep, string id, StoredResult result, string worker) => source.Run("""
        insert into afterimage.result (sweep, id, event, files, worker, seconds, outcome) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict do nothing
        """, sweep, id, result.Event, result.Files, worker, result.Seconds, result.Outcome);

    public byte[] Blob(string hash) =>
        source.Read("select content from afterimage.blob where hash = $1", row => row.GetFieldValue<byte[]>(0), hash).SingleOrDefault()
            ?? throw new AfterimageException($"The file with the SHA-256 {hash[..12]}... is not in the database: enqueue the sweep again.");

    public void Announce(WorkerState worker, string host) => source.Run("""
        insert into afterimage.worker (id, host, cores, memory, device, data, slots) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (id) do update set seen = now()
        """, worker.Id, host, worker.Cores, worker.Memory, worker.Device, worker.Data.ToArray(), worker.Slots);

    public void Leave(string worker) => source.Run("delete from afterimage.worker where id = $1", worker);

    public List<CaseNeeds> Needs() => source.Read("select device, memory, data from afterimage.need",
        row => new CaseNeeds(row.GetString(0), row.GetInt64(1), row.GetFieldValue<string[]>(2).ToValueList()));

    /// <summary>Jobs in queues, those with a worker included, and jobs that wait for another try.</summary>
    public long Left(string[] queues) => source.Read($"""
        select (select count(*) from {SweepDatabase.Jobs}.jobqueue where queue = any ($1)) +
            (select count(*) from {SweepDatabase.Jobs}.job where statename in ('Scheduled', 'Processing'))
        """, row => row.GetInt64(0), [queues]).Single();

    public List<SweepState> Sweeps() => source.Read("""
        select s.id, s.title, count(t.id), count(r.id), count(*) filter (where r.outcome = 'Crashed'),
            count(*) filter (where r.id is null and t.queued), s.canceled, coalesce(sum(r.seconds), 0)
        from afterimage.sweep s left join afterimage.task t on t.sweep = s.id
            left join afterimage.result r on r.sweep = t.sweep and r.id = t.id
        group by s.id order by s.created
        """, row => new SweepState(row.GetString(0), row.GetString(1), (int)row.GetInt64(2), (int)row.GetInt64(3), (int)row.GetInt64(4),
            (int)row.GetInt64(5), row.GetBoolean(6), row.GetDouble(7)));

    public List<WorkerState> Workers() => source.Read("""
        select id, cores, memory, device, data, slots, extract(epoch from now() - seen)::float8 from afterimage.worker
        where seen > now() - interval '1 hour' order by id
        """, row => new WorkerState(row.GetString(0), row.GetInt32(1), row.GetInt64(2), row.GetString(3),
            row.GetFieldValue<string[]>(4).ToValueList(), row.GetInt32(5), row.GetDouble(6)));
}
