using System.Net.Sockets;
using Npgsql;

namespace Afterimage.Sweeps.Database;

/// <summary>What went wrong with a database, in one sentence that says what to do.</summary>
public static class DatabaseFault
{
    /// <summary>Runs a piece of work, and turns what the database says into sentences.</summary>
    /// <exception cref="AfterimageException">The database refused.</exception>
    public static T Told<T>(SweepDatabase database, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception fault) when (Sentence(database, fault) is { } sentence)
        {
            throw new AfterimageException(sentence, fault);
        }
    }

    /// <summary>The sentence; null for what is no fault of a database.</summary>
    public static string? Sentence(SweepDatabase database, Exception fault) => fault switch
    {
        AfterimageException => null,
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } =>
            $"The database ({database.Place}) does not accept this user or password: check Username, and the password in PGPASSWORD, " +
            $"~/.pgpass or the file that {SweepDatabase.PasswordFile} names.",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } =>
            $"The database ({database.Place}) does not exist: create it, or check Database in --on.",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } refused =>
            $"The database ({database.Place}) does not allow this user to do that ({refused.MessageText}): run \"afterimage sweep " +
                "prepare\" " +
            "as its owner, with --worker-role for the user of workers.",
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName
            or PostgresErrorCodes.UndefinedColumn } =>
            $"The database ({database.Place}) has no tables of sweeps, or older ones: run \"afterimage sweep prepare\" as its owner.",
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } =>
            $"The disk of the database ({database.Place}) is full: free space there; workers go on where they were.",
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } =>
            $"The database ({database.Place}) has no connection left: raise max_connections, or start fewer workers.",
        PostgresException other => $"The database ({database.Place}) says {other.SqlState}: {other.MessageText}.",
        NpgsqlException { InnerException: SocketException or TimeoutException or IOException } or SocketException =>
            $"The database ({database.Place}) does not answer ({(fault.InnerException ?? fault).Message}): check Host and Port in " +
                "--on, and " +
            "whether PostgreSQL runs there.",
        NpgsqlException { InnerException: System.Security.Authentication.AuthenticationException } =>
            $"The database ({database.Place}) has no certificate that this machine trusts: name its authority's with \"Root " +
                "Certificate\" in " +
            "--on.",
        NpgsqlException other when other.Message.Contains("password", StringComparison.OrdinalIgnoreCase) =>
            $"The database ({database.Place}) asks for a password and there is none: put it into PGPASSWORD, ~/.pgpass or a file that " +
            $"{SweepDatabase.PasswordFile} names.",
        NpgsqlException other => $"The database ({database.Place}) cannot be used: {other.Message}.",
        _ => null,
    };
}
