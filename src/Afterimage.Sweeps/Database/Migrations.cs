using System.Collections.Immutable;
using Npgsql;

namespace Afterimage.Sweeps.Database;

/// <summary>The tables of sweeps, version by version; Hangfire keeps those of its jobs.</summary>
public static class Migrations
{
    /// <summary>Each entry makes the next version of the one before; an entry that was released is never changed.</summary>
    private static readonly ImmutableArray<string> Steps =
    [
        """
        create table afterimage.sweep (id text primary key, title text not null, header text not null,
            canceled boolean not null default false, created timestamptz not null default now());
        create table afterimage.need (queue text primary key, device text not null, memory bigint not null, data text[] not null);
        create table afterimage.task (sweep text not null references afterimage.sweep, id text not null, place integer not null,
            name text not null, body text not null, queue text not null references afterimage.need, seconds double precision,
            attempts integer not null default 0, queued boolean not null default false, primary key (sweep, id));
        create table afterimage.result (sweep text not null, id text not null, event text not null, files bytea,
            worker text not null, seconds double precision not null, outcome text not null, at timestamptz not null default now(),
            primary key (sweep, id), foreign key (sweep, id) references afterimage.task);
        create table afterimage.blob (hash text primary key, content bytea not null);
        create table afterimage.worker (id text primary key, host text not null, cores integer not null, memory bigint not null,
            device text not null, data text[] not null, slots integer not null, seen timestamptz not null default now());
        """,
        // Queries of what is left to enqueue.
        "create index task_waiting on afterimage.task (sweep, place) where not queued;",
    ];

    /// <summary>The version that this program reads and writes.</summary>
    public static int Version => Steps.Length;

    /// <summary>Makes or updates all tables, Hangfire's too; several programs may try at once.</summary>
    /// <exception cref="AfterimageException">The tables are newer than this program.</exception>
    public static void Apply(SweepDatabase database)
    {
        using (var connection = database.Source.OpenConnection())
        using (var transaction = connection.BeginTransaction())
        {
            Run(connection, "select pg_advisory_xact_lock(4741208153)");
            Run(connection, """
                create schema if not exists afterimage;
                create table if not exists afterimage.version (number integer primary key, at timestamptz not null default now());
                """);
            var before = Found(connection);
            Refuse(database, before, older: false);
            for (var step = before; step < Version; step++)
                Run(connection, $"{Steps[step]} insert into afterimage.version (number) values ({step + 1});");
            transaction.Commit();
        }
        _ = database.Storage(prepare: true);
    }

    /// <summary>Finds out whether the tables are those that this program reads and writes.</summary>
    /// <exception cref="AfterimageException">The tables are of another version than this program's.</exception>
    public static void Check(SweepDatabase database)
    {
        using var connection = database.Source.OpenConnection();
        Refuse(database, Found(connection), older: true);
    }

    /// <summary>
    /// Lets a role do what a worker must, and no more: read what is to be done, write results, announce itself, and move jobs. It can
    /// neither add cases nor change results, nor read what other workers found.
    /// </summary>
    /// <param name="database">Opened by the owner of the tables.</param>
    /// <param name="role">An existing role.</param>
    public static void Grant(SweepDatabase database, string role)
    {
        using var connection = database.Source.OpenConnection();
        var quoted = $"\"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        Run(connection, $"""
            revoke all on all tables in schema afterimage, {SweepDatabase.Jobs} from {quoted};
            grant usage on schema afterimage, {SweepDatabase.Jobs} to {quoted};
            grant select on afterimage.version, afterimage.sweep, afterimage.need, afterimage.task, afterimage.blob to {quoted};
            grant update (attempts, queued) on afterimage.task to {quoted};
            grant insert on afterimage.result to {quoted};
            grant select (sweep, id) on afterimage.result to {quoted};
            grant select, insert, update, delete on afterimage.worker to {quoted};
            grant select, insert, update, delete on all tables in schema {SweepDatabase.Jobs} to {quoted};
            revoke insert, update, delete on {SweepDatabase.Jobs}.schema from {quoted};
            grant usage on all sequences in schema {SweepDatabase.Jobs} to {quoted};
            """);
    }

    private static int Found(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("select coalesce(max(number), 0) from afterimage.version", connection);
        return (int)command.ExecuteScalar()!;
    }

    private static void Refuse(SweepDatabase database, int found, bool older)
    {
        if (found > Version)
            throw new AfterimageException($"The database ({database.Place}) has tables of version {found}, and this program knows " +
                "version " +
                $"{Version}: update afterimage here.");
        if (older && found < Version)
            throw new AfterimageException($"The database ({database.Place}) has tables of version {found}, and this program needs " +
                "version " +
                $"{Version}: run \"afterimage sweep prepare\" as its owner.");
    }

    private static void Run(NpgsqlConnection connection, string text)
    {
        using var command = new NpgsqlCommand(text, connection);
        command.ExecuteNonQuery();
    }
}
