using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Sweeps;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Dispatch;

namespace Afterimage.Cli.Commands;

/// <summary>Looks at sweeps in a database, cancels and collects them, and makes its tables.</summary>
internal static class QueueCommands
{
    public static IEnumerable<Command> Create(ExperimentFile files, Terminal terminal)
    {
        var on = ManyMachines.On(required: true);
        var id = new Argument<string?>("SWEEP")
        {
            Description = "The sweep, or how its name begins; not needed where there is one.", Arity = ArgumentArity.ZeroOrOne,
        };
        var folder = new Option<string>("--out", "-o") { HelpName = "DIR", Description = "Folder of the report.", Required = true };
        var role = new Option<string?>("--worker-role")
        {
            HelpName = "ROLE", Description = "An existing role that gets what a worker must be able to do, and no more.",
        };
        var status = new Command("status", "Sweeps in a database, how far they are, and workers.") { on };
        status.SetAction(line => With(line, on, database => Status(new(database), terminal.Raw)));
        var cancel = new Command("cancel", "Begin no more case of a sweep; results stay.") { id, on };
        cancel.SetAction(line => With(line, on, database =>
        {
            var queue = new StoredSweeps(database);
            var sweep = queue.Find(line.GetValue(id));
            queue.Cancel(sweep.Id);
            terminal.Raw.WriteLine($"Sweep {sweep.Id} is canceled; \"sweep --on\" with its file goes on with it.");
            return ExitCode.Fine;
        }));
        var collect = new Command("collect", "Write the report of a sweep's results so far.") { id, on, folder };
        collect.SetAction(line => With(line, on, database =>
        {
            var into = line.GetRequiredValue(folder);
            OutputPath.CheckFolder("--out", into);
            var queue = new StoredSweeps(database);
            var (report, missing) = queue.Collect(files, queue.Find(line.GetValue(id)).Id, into);
            ParquetExporter.Export(report, into);
            SweepSummary.Write(terminal.Raw, report, into);
            if (missing > 0)
                terminal.Raw.WriteLine($"{Figures.Plural(missing, "case")} {(missing == 1 ? "has" : "have")} no result yet.");
            return ExitCode.Fine;
        }));
        var prepare = new Command("prepare", "Make or update the tables of sweeps, as their owner.") { on, role };
        prepare.SetAction(line => With(line, on, database =>
        {
            Migrations.Apply(database);
            if (line.GetValue(role) is { } name)
                Migrations.Grant(database, name);
            terminal.Raw.WriteLine($"The tables of sweeps are there, version {Migrations.Version}.");
            return ExitCode.Fine;
        }));
        return [status, cancel, collect, prepare];
    }

    private static int With(ParseResult line, Option<string?> on, Func<SweepDatabase, int> work)
    {
        using var database = SweepDatabase.Open(line.GetRequiredValue(on)!);
        return DatabaseFault.Told(database, () => work(database));
    }

    private static int Status(StoredSweeps queue, TextWriter output)
    {
        var sweeps = queue.Sweeps();
        if (sweeps.Count == 0)
            output.WriteLine("There is no sweep.");
        foreach (var sweep in sweeps)
            output.WriteLine($"{sweep.Id} {sweep.Title}: {Figures.Count(sweep.Ended)} of {Figures.Plural(sweep.Cases, "case")}, " +
                $"{sweep.Crashed} crashed, {Figures.Count(sweep.Waiting)} to go{(sweep.Canceled ? ", canceled" : "")}; " +
                $"{Figures.Duration(sweep.Seconds)} of workers");
        foreach (var worker in queue.Workers())
            output.WriteLine($"worker {worker.Id}: {Figures.Plural(worker.Slots, "slot")}, {Figures.Plural(worker.Cores, "core")}, " +
                $"{Figures.Count(worker.Memory)} MiB, {worker.Device}, data {string.Join(", ", worker.Data.DefaultIfEmpty("none"))}, " +
                $"heard of {Figures.Duration(worker.Silent)} ago");
        foreach (var (needs, waiting) in queue.Unmet())
            output.WriteLine($"{Figures.Plural(waiting, "case")} wait for a worker with {needs.Device}, " +
                $"{Figures.Count(needs.Memory)} MiB and data " +
                $"{string.Join(", ", needs.Data.DefaultIfEmpty("none"))}: none of those at work has all of that.");
        return ExitCode.Fine;
    }
}
