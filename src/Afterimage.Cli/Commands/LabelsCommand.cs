using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Audit.Measurements.LabelTables;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Commands;

/// <summary>Reads the labels behind an update, and measures how well rules do that.</summary>
internal static class LabelsCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files, attacked: false);
        var rule = new Option<string>("--rule")
        {
            HelpName = "NAME",
            Description = $"{string.Join(", ", files.Catalog.Parts(typeof(LabelRule)).Select(Catalog.Kind))}.",
            DefaultValueFactory = _ => Catalog.Kind(typeof(RefinedCounts)),
        };
        var hide = new Option<bool>("--hide-batch-size") { Description = "Let the attacker estimate the batch size." };
        var json = JsonText.Option("the labels of each case");
        var table = new Option<bool>("--table")
        {
            Description = "Measure every rule on models, batch sizes, mixes and local training; " +
                "--data and --weights choose images and the trained ResNet-20.",
        };
        var soft = new Option<bool>("--soft-table") { Description = "Measure soft labels of single images behind heads without a bias." };
        var seeds = Number("--seeds", "Batches of every cell of the table.", 20);
        var gradients = Number("--gradients", "Gradients of every row of the soft table.", 1000);
        var models = List("--models", "Rows of the table, for example lenet,mlp.");
        var sizes = List("--batches", "Batch sizes of the table, for example 1,8,32,128.");
        var epochs = List("--epochs", "Epochs of local training in the table, for example 0,1,3; 0 sends a gradient.");
        var folder = new Option<string>("--out", "-o")
        {
            HelpName = "DIR",
            Description = "Folder of the table.",
            DefaultValueFactory = _ => Path.Combine("runs", "labels"),
        };
        var resume = new Option<bool>("--resume") { Description = "Keep what the folder holds already." };
        var command = new Command("labels", "Read the labels behind an update: counts, confidence and reasons.");
        experiment.AddTo(command);
        foreach (var option in (Option[])[rule, hide, json, table, soft, seeds, gradients, models, sizes, epochs, folder, resume])
            command.Add(option);
        command.SetAction(line =>
        {
            var described = experiment.Read(line);
            TorchSharp.torch.set_num_threads(1);
            var usual = new LabelTableOptions { Folder = "" };
            if (line.GetValue(table))
                OutputPath.CheckFolder("--out", line.GetRequiredValue(folder));
            if (line.GetValue(table))
                return Table(new()
                {
                    Folder = line.GetRequiredValue(folder),
                    Data = (described.Client as SimulatedClient)?.Data is { } data and not DeadLeaves ? data : new Cifar10(),
                    Weights = described.Model.Weights,
                    Seed = described.Seed,
                    Seeds = CommandLine.AtLeastOne("--seeds", line.GetValue(seeds)),
                    Models = line.GetValue(models)?.Split(',', StringSplitOptions.TrimEntries).ToValueList() ?? [],
                    Batches = line.GetValue(sizes) is { } list ? Numbers("--batches", list, 1) : usual.Batches,
                    Epochs = line.GetValue(epochs) is { } lengths ? Numbers("--epochs", lengths, 0) : usual.Epochs,
                    Resume = line.GetValue(resume),
                }, terminal);
            if (line.GetValue(soft))
                return Soft(new(described.Model.Weights, CommandLine.AtLeastOne("--gradients", line.GetValue(gradients))),
                    (described.Client as SimulatedClient)?.Data, terminal);
            if (line.GetValue(hide))
                described = described with { Threat = described.Threat with { RevealBatchSize = false } };
            var chosen = files.Catalog.Read<LabelRule>($"\"{line.GetRequiredValue(rule)}\"", "--rule");
            var options = new RunOptions { Folder = "" };
            using var opened = CheckWatch.Opened(files, described, options, terminal.Error);
            return Read(files, described, chosen, options, opened, line.GetValue(json), terminal);
        });
        return command;
    }

    private static int Read(ExperimentFile files, Experiment experiment, LabelRule rule, RunOptions options, ClientRound? opened,
        bool json, Terminal terminal)
    {
        using var interruption = new Interruption();
        var run = ExperimentRun.Start(files, experiment, new LabelReading { Rule = rule }, options, opened, interruption.Token);
        // Where lines would stand among the results, nothing is said on the way.
        var shown = json ? JsonText.Aside(terminal) : terminal.Live ? terminal : Terminal.Plain(TextWriter.Null, TextWriter.Null);
        Watching.ToTheEnd(run.Events, shown, interruption.Token);
        var results = run.Report.GetAwaiter().GetResult();
        foreach (var found in results)
        {
            if (json)
                terminal.Raw.Write(ReportJson.Write(found.Labels));
            else
                LabelView.Write(terminal.Output, found.Name, found.Labels);
            if (found.Labels.Classes.IsEmpty)
                terminal.Error.WriteLine($"afterimage: {string.Join(" ", found.Labels.Reasons)}");
        }
        return interruption.Token.IsCancellationRequested ? ExitCode.Canceled
            : results.Any(found => found.Labels.Classes.IsEmpty) ? ExitCode.BadInput : ExitCode.Fine;
    }

    private static int Table(LabelTableOptions options, Terminal terminal)
    {
        using var interruption = new Interruption();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var results = new LabelTable(options).Run((done, all, name) => terminal.Raw.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{done} of {all}: {name} ({Figures.Duration(clock.Elapsed.TotalSeconds)})")), interruption.Token);
        var text = LabelTableText.Write(results, LabelTable.Rules.Select(known => known.Name));
        var path = Path.Combine(options.Folder, LabelTableText.FileName);
        File.WriteAllText(path, text);
        terminal.Raw.WriteLine(text);
        terminal.Raw.WriteLine(path);
        return interruption.Token.IsCancellationRequested ? ExitCode.Canceled : ExitCode.Fine;
    }

    private static int Soft(SoftTable table, DataSource? data, Terminal terminal)
    {
        (string, DataSource)[] sources = data is null or DeadLeaves
            ? [("CIFAR-10", new Cifar10()), ("Flowers-17", new Flowers17())] : [(Catalog.Kind(data.GetType()), data)];
        terminal.Raw.WriteLine(SoftTable.Write(table.Run(sources)));
        return ExitCode.Fine;
    }

    private static Option<int> Number(string flag, string description, int usual) =>
        new(flag) { HelpName = "N", Description = description, DefaultValueFactory = _ => usual };

    private static Option<string?> List(string flag, string description) => new(flag) { HelpName = "LIST", Description = description };

    private static ValueList<int> Numbers(string flag, string list, int least) => list.Split(',').Select(text =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least ? number
            : throw new AfterimageException(
                $"{flag} \"{list}\" has \"{text}\": write numbers of at least {least} with commas between them.")).ToValueList();
}
