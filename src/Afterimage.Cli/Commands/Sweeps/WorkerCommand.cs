using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Numerics;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Dispatch;

namespace Afterimage.Cli.Commands;

/// <summary>Takes cases out of a database and runs each in a child process.</summary>
internal static class WorkerCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var on = ManyMachines.On(required: true);
        var slots = new Option<int>("--slots")
        {
            HelpName = "N",
            Description = "Cases at once, each with its share of the cores; by default one for each core.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var threads = new Option<int?>("--threads")
        {
            HelpName = "N", Description = "Threads of each child; by default cores by slots. Last digits may depend on it.",
        };
        var device = new Option<string>("--device") { HelpName = "NAME", Description = "cpu, cuda or " +
            "cuda:0.", DefaultValueFactory = _ => "cpu" };
        var roots = new Option<string[]>("--data-root")
        {
            HelpName = "DIR", Description = "A folder that cases may read; repeatable. Others are refused.",
        };
        var scratch = new Option<string>("--scratch")
        {
            HelpName = "DIR",
            Description = "Where cases write, and files that came with them are kept.",
            DefaultValueFactory = _ => new WorkerSettings().Scratch,
        };
        var drain = new Option<double>("--drain")
        {
            HelpName = "SECONDS",
            Description = "What cases under way may still take after SIGTERM or Ctrl-C; then they go to other workers.",
            DefaultValueFactory = _ => new WorkerSettings().Drain,
        };
        var untilEmpty = new Option<bool>("--until-empty") { Description = "End when nothing is left that this worker could do." };
        var command = new Command("worker", "Take cases of sweeps out of a database and run them.");
        foreach (var option in (Option[])[on, slots, threads, device, roots, scratch, drain, untilEmpty])
            command.Add(option);
        command.SetAction(line =>
        {
            var count = CommandLine.AtLeastOne("--slots", line.GetValue(slots));
            var name = line.GetRequiredValue(device);
            _ = name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name[5..], out var number) && number >= 0
                ? ReportFlags.Device("cuda") : ReportFlags.Device(name);
            var settings = new WorkerSettings
            {
                Slots = count,
                Threads = CommandLine.AtLeastOne("--threads",
                    line.GetValue(threads) ?? Math.Max(1, Environment.ProcessorCount / count)),
                Device = name,
                Roots = (line.GetValue(roots) ?? []).ToValueList(),
                Scratch = line.GetRequiredValue(scratch),
                Drain = line.GetValue(drain),
                UntilEmpty = line.GetValue(untilEmpty),
            };
            if (Settings.Faults(settings).ToArray() is { Length: > 0 } faults)
                throw new AfterimageException(Settings.Joined(faults));
            using var database = SweepDatabase.Open(line.GetRequiredValue(on)!);
            using var interruption = new Interruption();
            Reproducibility.OfChildren();
            return DatabaseFault.Told(database, () =>
            {
                new SweepWorker(files, database, settings, Said).Run(interruption.Token);
                return interruption.Token.IsCancellationRequested ? ExitCode.Canceled : ExitCode.Fine;
            });

            void Said(string text)
            {
                lock (terminal.Raw)
                    terminal.Raw.WriteLine(text);
            }
        });
        return command;
    }
}
