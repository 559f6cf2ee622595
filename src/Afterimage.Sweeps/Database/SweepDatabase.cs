using Hangfire.PostgreSql;
using Npgsql;

namespace Afterimage.Sweeps.Database;

/// <summary>The PostgreSQL database of a sweep, opened without a password on the command line.</summary>
public sealed class SweepDatabase : IDisposable
{
    /// <summary>The environment variable that names a file whose first line is the password.</summary>
    public const string PasswordFile = "AFTERIMAGE_PASSWORD_FILE";

    /// <summary>The schema of Hangfire's tables.</summary>
    internal const string Jobs = "afterimage_jobs";

    private SweepDatabase(NpgsqlDataSource source, string place) => (Source, Place) = (source, place);

    /// <summary>Opens connections.</summary>
    internal NpgsqlDataSource Source { get; }

    /// <summary>Host, port, database and user, for messages.</summary>
    public string Place { get; }

    /// <summary>
    /// Reads a connection string such as "Host=db;Database=sweeps;Username=worker". The password comes from PGPASSWORD, the file that
    /// AFTERIMAGE_PASSWORD_FILE names, or .pgpass. Where the host is another machine, TLS with a checked certificate is the default.
    /// </summary>
    /// <exception cref="AfterimageException">It cannot be read, or holds a password.</exception>
    public static SweepDatabase Open(string text)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new(text);
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or KeyNotFoundException)
        {
            // The text may hold a password, so that it is not repeated.
            throw new AfterimageException("--on is no connection string: write for example \"Host=db.example.org;Database=sweeps;" +
                "Username=worker\", with the words that Npgsql knows.");
        }
        if (!string.IsNullOrEmpty(settings.Password))
            throw new AfterimageException("--on holds a password, which every user of this machine can read in its list of " +
                "processes: leave " +
                $"it out, change it, and put it into PGPASSWORD, ~/.pgpass or a file that {PasswordFile} names.");
        if (string.IsNullOrEmpty(settings.Host))
            throw new AfterimageException("--on names no host: add for example Host=localhost.");
        if (!settings.ContainsKey("SSL Mode") && !IsLocal(settings.Host))
            settings.SslMode = SslMode.VerifyFull;
        if (Environment.GetEnvironmentVariable(PasswordFile) is { Length: > 0 } file)
            settings.Password = First(file);
        settings.ApplicationName ??= "afterimage";
        var place = $"{settings.Host}:{settings.Port}, database {settings.Database ?? settings.Username}, user {settings.Username}";
        // NOTIFY tells a busy server's errors apart no better with details, which may show what a query held.
        settings.IncludeErrorDetail = false;
        return new(new NpgsqlDataSourceBuilder(settings.ConnectionString).Build(), place);
    }

    /// <summary>Hangfire's storage: a job whose worker has died is visible again after 20 seconds.</summary>
    /// <param name="prepare">Whether Hangfire may make its tables.</param>
    internal PostgreSqlStorage Storage(bool prepare) => new(new Connections(Source), new PostgreSqlStorageOptions
    {
        SchemaName = Jobs,
        PrepareSchemaIfNecessary = prepare,
        // A living worker renews its jobs five times in this span.
        InvisibilityTimeout = TimeSpan.FromSeconds(20),
        UseSlidingInvisibilityTimeout = true,
        QueuePollInterval = TimeSpan.FromMilliseconds(500),
        EnableLongPolling = true,
        EnableTransactionScopeEnlistment = false,
    });

    /// <inheritdoc/>
    public void Dispose() => Source.Dispose();

    private static bool IsLocal(string host) => host is "localhost" or "127.0.0.1" or "::1" || host.StartsWith('/');

    private static string First(string file)
    {
        try
        {
            return File.ReadLines(file).FirstOrDefault() is { Length: > 0 } password ? password
                : throw new AfterimageException($"{PasswordFile} names {file}, which is empty: write the password into its first line.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new AfterimageException($"{PasswordFile} names {file}, which cannot be read ({fault.Message.TrimEnd('.')}): name " +
                "a file " +
                "with the password in its first line.", fault);
        }
    }

    private sealed class Connections(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }
}
