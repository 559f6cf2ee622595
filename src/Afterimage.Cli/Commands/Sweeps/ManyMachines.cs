using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Console;
using Afterimage.Numerics;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Dispatch;

namespace Afterimage.Cli.Commands;

/// <summary>The flags of a sweep that goes to the workers of a database.</summary>
internal sealed class ManyMachines
{
    private readonly Option<string?> on = On(required: false);

    private readonly Option<double?> limit = new("--limit")
    {
        HelpName = "SECONDS", Description = "With --on: what a case may take; by default as long as it takes.",
    };

    private readonly Option<long> memory = new("--memory")
    {
        HelpName = "MIB", Description = "With --on: memory of a worker that may take a case.", DefaultValueFactory = _ => 0,
    };

    private readonly Option<int> largest = new("--largest-file")
    {
        HelpName = "MB", Description = "With --on: the largest file that travels to workers.", DefaultValueFactory = _ => 200,
    };

    public IEnumerable<Option> Options => [on, limit, memory, largest];

    /// <summary>The connection string of every command that speaks to a database.</summary>
    public static Option<string?> On(bool required) => new("--on")
    {
        HelpName = "CONNECTION",
        Description = "The database, for example \"Host=db;Database=sweeps;Username=me\"; its password comes from PGPASSWORD, " +
            "~/.pgpass or " +
            $"the file that {SweepDatabase.PasswordFile} names.",
        Required = required,
    };

    public bool IsAsked(ParseResult line) => line.GetValue(on) is not null ? true
        : line.GetResult(limit) is { Implicit: false } || line.GetResult(memory) is { Implicit: false }
            || line.GetResult(largest) is { Implicit: false }
            ? throw new AfterimageException("--limit, --memory and --largest-file are about workers of a database: add --on.") : false;

    public int Enqueue(ParseResult line, ExperimentFile files, Experiment experiment, AttackAndJudge measurement, RunOptions options,
        Terminal terminal, CancellationToken stopping)
    {
        using var database = SweepDatabase.Open(line.GetRequiredValue(on)!);
        var settings = new EnqueueSettings
        {
            Limit = line.GetValue(limit), Memory = line.GetValue(memory), LargestFile = line.GetValue(largest) * 1_000_000L,
            Again = options.Resume,
        };
        if (Settings.Faults(settings).ToArray() is { Length: > 0 } faults)
            throw new AfterimageException(Settings.Joined(faults));
        var (sweep, jobs) = DatabaseFault.Told(database, () => new Enqueuing(files, database, settings)
            .Run(experiment, measurement, options, terminal.Raw.WriteLine, stopping));
        terminal.Raw.WriteLine($"Sweep {sweep}: {Figures.Plural(jobs, "case")} enqueued on {database.Place}.");
        return ExitCode.Fine;
    }
}
