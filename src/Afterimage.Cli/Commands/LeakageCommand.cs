using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Cli.Commands;

/// <summary>Measures what an update tells of its batch at best, without attacking it.</summary>
internal static class LeakageCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files, attacked: false);
        var sweep = new Option<string?>("--sweep")
        {
            HelpName = "batch=LIST",
            Description = "Measure batches of these sizes, for example batch=1,2,4,8,16.",
        };
        var prior = new Option<string>("--prior")
        {
            HelpName = "KIND",
            Description = "What the forecast knows of images: " +
                "power-law (needs no data) or public (covariance of the data set less the batch).",
            DefaultValueFactory = _ => "power-law",
        };
        var noise = new Option<double>("--noise")
        {
            HelpName = "S",
            Description = "Deviation of the noise in tables and maps, relative to the update's rms.",
            DefaultValueFactory = _ => new LeakageProbe().Noise,
        };
        var unknowns = new Option<int>("--unknowns")
        {
            HelpName = "N",
            Description = "Pixels of a batch up to which the spectrum is exact; beyond, Lanczos brackets it.",
            DefaultValueFactory = _ => new LeakageProbe().Unknowns,
        };
        var steps = new Option<int>("--steps")
        {
            HelpName = "N",
            Description = "Lanczos steps.",
            DefaultValueFactory = _ => new LeakageProbe().Steps,
        };
        var choice = OperatorText.Option();
        var threads = new Option<int>("--threads") { HelpName = "N", Description = "Threads of libtorch.", DefaultValueFactory = _ => 1 };
        var folder = new Option<string>("--out", "-o")
        {
            HelpName = "DIR",
            Description = "Folder of leakage.html and leakage.json.",
            DefaultValueFactory = _ => Path.Combine("runs", "leakage"),
        };
        var json = JsonText.Option("the report");
        var command = new Command("leakage", "Measure what an update tells of its batch at best; nobody attacks.");
        experiment.AddTo(command);
        foreach (var option in (Option[])[sweep, prior, noise, unknowns, steps, choice, threads, folder, json])
            command.Add(option);
        command.SetAction(line =>
        {
            var described = experiment.Read(line);
            if (line.GetValue(sweep) is { } axis)
                described = described with { Vary = [.. described.Vary, Batches(axis)] };
            var measurement = new LeakageMeasurement
            {
                Probe = new() { Noise = line.GetValue(noise), Unknowns = line.GetValue(unknowns), Steps = line.GetValue(steps) },
                Knowledge = line.GetValue(prior) switch
                {
                    "power-law" => ImageKnowledge.PowerLaw,
                    "public" => ImageKnowledge.PublicImages,
                    var other => throw new AfterimageException($"--prior \"{other}\" is none of power-law, public."),
                },
            };
            var options = new RunOptions
            {
                Folder = line.GetRequiredValue(folder),
                Operator = line.GetValue(choice),
                Threads = CommandLine.AtLeastOne("--threads", line.GetValue(threads)),
                Command = CommandLine.Of(line.Tokens.Select(token => token.Value)),
            };
            OutputPath.CheckFolder("--out", options.Folder);
            var words = line.GetValue(json) ? JsonText.Aside(terminal) : terminal;
            using var opened = CheckWatch.Opened(files, described, options, words.Raw);
            return Run(files, described, measurement, options, opened, terminal, words);
        });
        return command;
    }

    private static int Run(ExperimentFile files, Experiment experiment, LeakageMeasurement measurement, RunOptions options,
        ClientRound? opened, Terminal terminal, Terminal words)
    {
        using var interruption = new Interruption();
        var run = ExperimentRun.Start(files, experiment, measurement, options, opened, interruption.Token);
        Watching.ToTheEnd(run.Events, words, interruption.Token);
        var report = run.Report.GetAwaiter().GetResult();
        if (words != terminal)
            terminal.Raw.Write(ReportJson.Write(report));
        else
            LeakageView.Write(terminal.Output, report);
        words.Raw.WriteLine(Path.Combine(options.Folder, LeakageExporter.HtmlName));
        return interruption.Token.IsCancellationRequested ? ExitCode.Canceled : ExitCode.Fine;
    }

    private static Axis Batches(string text)
    {
        if (text.Split('=', 2) is not ["batch", var list] || list.Split(',') is not [_, ..] sizes)
            throw new AfterimageException(
                $"--sweep \"{text}\" varies nothing that is known here: write batch= and sizes, for example batch=1,2,4,8,16.");
        return new("/client/batchSize", sizes.Select(Size).ToValueList());

        JsonNode? Size(string size) => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? JsonValue.Create(count)
            : throw new AfterimageException(
                $"--sweep \"{text}\" has \"{size}\", which is no batch size: write numbers of at least 1 with commas between them.");
    }
}
