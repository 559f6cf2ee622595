using System.CommandLine;
using System.Globalization;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Judging;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Conditions;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Cli.Commands;

/// <summary>Runs an audit, shows it while it runs, and ends with a table, a verdict and a report.</summary>
internal static class AuditCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files);
        var folder = new Option<string?>("--out", "-o")
        {
            HelpName = "DIR",
            Description = "Folder of the report; by default a new one under runs/.",
        };
        var resume = new Option<bool>("--resume") { Description = "Keep the cases that the folder holds already, and run the rest." };
        var failIf = new Option<string?>("--fail-if")
        {
            HelpName = "CONDITION",
            Description = "End with exit code 2 if this is true of a case, for example \"ssim.max > 0.6\" or " +
                "\"verdict >= recognizable\" (of nothing, traces, recognizable, exact); " +
                "with 4 if it is not, but an attack did not converge.",
        };
        var allow = new Option<bool>("--allow-inconclusive")
        {
            Description = "Let --fail-if end with exit code 0 even where an attack did not converge.",
        };
        var device = new Option<string>("--device") { HelpName = "NAME", Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
        var threads = new Option<int>("--threads") { HelpName = "N", Description = "Threads of libtorch.", DefaultValueFactory = _ => 1 };
        var parallel = new Option<int>("--parallel")
        {
            HelpName = "N",
            Description = "Cases, or restarts of one case, that run at once; the numbers do not depend on it.",
            DefaultValueFactory = _ => 1,
        };
        var isolate = new Option<bool>("--isolate")
        {
            Description = "Run cases in child processes, as many at once as --parallel says: " +
                "one that ends its process ends no other.",
        };
        var choice = OperatorText.Option();
        var leakage = new Option<LeakageChoice>("--leakage")
        {
            HelpName = "auto|on|off",
            Description = "Measure what each update tells at best beside the attack; auto does where that is cheap.",
        };
        var leashed = new Option<bool>(CommandLine.UntilInputEnds) { Hidden = true };
        var json = JsonText.Option("the report");
        var command = new Command("audit", "Attack a client's update and judge what came back.");
        experiment.AddTo(command);
        foreach (var option in (Option[])
            [folder, resume, failIf, allow, json, device, threads, parallel, isolate, choice, leakage, leashed])
            command.Add(option);
        command.SetAction(line =>
        {
            var condition = line.GetValue(failIf) is { } text ? Condition.Parse(text) : null;
            if (condition is null && line.GetValue(allow))
                throw new AfterimageException("--allow-inconclusive is about --fail-if: add a condition, or leave it out.");
            var described = experiment.Read(line);
            CanBeJudged(condition, described);
            var options = new RunOptions
            {
                Folder = Folder(line.GetValue(folder), line.GetValue(resume), described),
                Device = Device(line.GetRequiredValue(device)),
                Threads = CommandLine.AtLeastOne("--threads", line.GetValue(threads)),
                Command = CommandLine.Of(line.Tokens.Select(token => token.Value)),
                Resume = line.GetValue(resume),
                Operator = line.GetValue(choice),
                Parallel = CommandLine.AtLeastOne("--parallel", line.GetValue(parallel)),
                Isolate = line.GetValue(isolate),
            };
            if (options.Isolate && Environment.GetEnvironmentVariable(ChildCase.Mark) is not null)
                throw new AfterimageException("This program was started again to run one case and began an audit instead: " +
                    "pass the arguments of its Main on to AfterimageApp.Run.");
            OutputPath.CheckFolder("--out", options.Folder);
            var words = line.GetValue(json) ? JsonText.Aside(terminal) : terminal;
            // What a case may do to the process that opens it is why it is isolated: a case that does not fit together says so by itself.
            using var opened = options.Isolate ? null : CheckWatch.Opened(files, described, options, words.Raw);
            var end = new AuditEnd(condition, line.GetValue(allow), options.Folder);
            using var interruption = new Interruption();
            if (line.GetValue(leashed))
                interruption.AlsoWhenInputEnds();
            var measurement = new AttackAndJudge { Leakage = line.GetValue(leakage) };
            return Run(files, described, measurement, options, end, opened, terminal, words, interruption.Token);
        });
        return command;
    }

    private static int Run(ExperimentFile files, Experiment experiment, AttackAndJudge measurement, RunOptions options,
        AuditEnd end, ClientRound? opened, Terminal terminal, Terminal words, CancellationToken stop)
    {
        var run = ExperimentRun.Start(files, experiment, measurement, options, opened, stop);
        Watching.ToTheEnd(run.Events, words, stop);
        var report = run.Report.GetAwaiter().GetResult();
        if (words != terminal)
            terminal.Raw.Write(ReportJson.Write(report));
        else
            ReportView.Write(terminal.Output, report, options.Folder);
        words.Raw.WriteLine(Path.Combine(options.Folder, HtmlExporter.FileName));
        return end.Of(report, stop.IsCancellationRequested, words);
    }

    private static void CanBeJudged(Condition? condition, Experiment experiment)
    {
        if (condition is null)
            return;
        if (experiment.Client is RecordedUpdate { Truth: null })
            throw new AfterimageException($"--fail-if \"{condition.Text}\" compares with the true images, which nobody gave: " +
                "add --truth truth.npz, or leave out --fail-if.");
        condition.Check([.. Metric.Standard.Select(metric => metric.Name), Identification.Key]);
    }

    internal static string Device(string name) => name switch
    {
        "cpu" => name,
        "cuda" => TorchSharp.torch.cuda_is_available() ? name : throw new AfterimageException(DoctorCommand.HowToGetCuda),
        _ => throw new AfterimageException($"There is no device \"{name}\": choose cpu or cuda."),
    };

    private static string Folder(string? given, bool resume, Experiment experiment)
    {
        if (given is null && resume)
            throw new AfterimageException("--resume needs the folder to go on with: add --out DIR.");
        if (given is not null && !resume && File.Exists(Path.Combine(given, Journal.FileName)))
            throw new AfterimageException($"{given} holds an audit already: add --resume to go on with it, or choose another folder.");
        if (given is not null)
            return given;
        var name = TimeProvider.System.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        var letters = experiment.Title.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-');
        var title = string.Concat(letters).Trim('-');
        var path = Path.Combine("runs", title is "" or "audit" ? name : $"{name}-{title}");
        return Directory.Exists(path) ? $"{path}-{Environment.ProcessId}" : path;
    }
}
