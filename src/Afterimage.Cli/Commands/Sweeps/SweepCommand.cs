using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Reports;
using Afterimage.Sweeps;

namespace Afterimage.Cli.Commands;

/// <summary>Runs many cases: on the cores of this machine, as a share of an array job, or on the workers of a database.</summary>
internal static class SweepCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var grid = new Argument<string>("grid.json") { Description = "An experiment with axes (vary), listed cases, or trials." };
        var folder = new Option<string?>("--out", "-o") { HelpName = "DIR", Description = "Folder of the report; by default runs/ " +
            "and the file's name." };
        var resume = new Option<bool>("--resume") { Description = "Keep the cases that have ended and run the rest, with those that " +
            "crashed." };
        var workers = new Option<int>("--workers")
        {
            HelpName = "N",
            Description = "Child processes, each with its share of the cores; by default one for each core.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var threads = new Option<int?>("--threads")
        {
            HelpName = "N", Description = "Threads of each child; by default cores by workers. Last digits may depend on it.",
        };
        var shard = new Option<string?>("--shard")
        {
            HelpName = "I/N",
            Description = "Only every N-th case, beginning at I (from 0): for array jobs; \"sweep merge\" puts the folders together.",
        };
        var dry = new Option<bool>("--dry-run") { Description = "Run a sample of the cases and say what all of them are going to cost." };
        var sample = new Option<double>("--sample")
        {
            HelpName = "SECONDS",
            Description = "With --dry-run: no case of the sample begins later than this.",
            DefaultValueFactory = _ => 60,
        };
        var device = new Option<string>("--device") { HelpName = "NAME", Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
        var leakage = new Option<LeakageChoice>("--leakage")
        {
            HelpName = "auto|on|off",
            Description = "Measure what each update tells at best beside the attack; auto does where that is cheap.",
        };
        var choice = OperatorText.Option();
        var many = new ManyMachines();
        var command = new Command("sweep", "Run many cases: on all cores, as a share of an array job, or on the workers of a database.");
        command.Add(grid);
        foreach (var option in (Option[])[folder, resume, workers, threads, shard, dry, sample, device, choice, leakage, .. many.Options])
            command.Add(option);
        command.Add(MergeCommand.Create(files, terminal));
        foreach (var part in QueueCommands.Create(files, terminal))
            command.Add(part);
        command.SetAction(line =>
        {
            var path = line.GetRequiredValue(grid);
            var described = files.Read(path);
            var count = CommandLine.AtLeastOne("--workers", line.GetValue(workers));
            var options = new RunOptions
            {
                Folder = line.GetValue(folder) ?? Path.Combine("runs", Path.GetFileNameWithoutExtension(path)),
                Device = ReportFlags.Device(line.GetRequiredValue(device)),
                Threads = CommandLine.AtLeastOne("--threads",
                    line.GetValue(threads) ?? Math.Max(1, Environment.ProcessorCount / count)),
                Parallel = count,
                Isolate = true,
                Operator = line.GetValue(choice),
                Resume = line.GetValue(resume),
                Shard = line.GetValue(shard) is { } text ? Shard.Parse(text) : null,
                Command = CommandLine.Of(line.Tokens.Select(token => token.Value)),
            };
            var measurement = new AttackAndJudge { Leakage = line.GetValue(leakage) };
            var found = files.Expand(described);
            if (options.Shard is { } share && share.Of(found).Count == 0)
                throw new AfterimageException($"--shard {share.Index}/{share.Count} has no cases, for there are only {found.Count}: " +
                    "choose fewer shares.");
            using var interruption = new Interruption();
            Reproducibility.OfChildren();
            if (line.GetValue(dry))
                return DryRun.Write(files, described, measurement, options, line.GetValue(sample), terminal, interruption.Token);
            if (many.IsAsked(line))
                return many.Enqueue(line, files, described, measurement, options, terminal, interruption.Token);
            if (!options.Resume && File.Exists(Path.Combine(options.Folder, Journal.FileName)))
                throw new AfterimageException($"{options.Folder} holds a sweep already: add --resume to go on with it, or choose another " +
                    "folder with --out.");
            OutputPath.CheckFolder("--out", options.Folder);
            return Run(files, described, measurement, options, terminal, interruption.Token);
        });
        return command;
    }

    private static int Run(ExperimentFile files, Experiment experiment, AttackAndJudge measurement, RunOptions options,
        Terminal terminal, CancellationToken stopping)
    {
        var run = ExperimentRun.Start(files, experiment, measurement, options, stopping);
        SweepProgress.ToTheEnd(run.Events, terminal.Raw, options, stopping);
        var report = run.Report.GetAwaiter().GetResult();
        ParquetExporter.Export(report, options.Folder);
        SweepSummary.Write(terminal.Raw, report, options.Folder);
        if (stopping.IsCancellationRequested)
        {
            terminal.Raw.WriteLine($"Stopped; go on with: {CommandLine.Resuming(options.Command, options.Folder)}");
            return ExitCode.Canceled;
        }
        return report.Cases.Any(found => found.Outcome == "Crashed") ? ExitCode.Crashed : ExitCode.Fine;
    }
}
