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
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Cli.Commands;

/// <summary>The flags of every command that attacks and writes a report: where it goes, how it runs, and how it ends.</summary>
internal sealed class ReportFlags
{
    private readonly Option<string?> folder = new("--out", "-o")
    {
        HelpName = "DIR",
        Description = "Folder of the report; by default a new one under runs/.",
    };
    private readonly Option<bool> resume = new("--resume")
    {
        Description = "Keep the cases that the folder holds already, and run the rest.",
    };
    private readonly Option<string?> failIf = new("--fail-if")
    {
        HelpName = "CONDITION",
        Description = "End with exit code 2 if this is true of a case, for example \"ssim.max > 0.6\", \"identification > 0.1\" or " +
            "\"verdict >= recognizable\" (of nothing, traces, recognizable, exact); " +
            "with 4 if it is not, but an attack did not converge.",
    };
    private readonly Option<bool> allow = new("--allow-inconclusive")
    {
        Description = "Let --fail-if end with exit code 0 even where an attack did not converge.",
    };
    private readonly Option<string> device = new("--device")
    {
        HelpName = "NAME",
        Description = "cpu or cuda.",
        DefaultValueFactory = _ => "cpu",
    };
    private readonly Option<int> threads = new("--threads")
    {
        HelpName = "N",
        Description = "Threads of libtorch.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<int> parallel = new("--parallel")
    {
        HelpName = "N",
        Description = "Cases, or restarts of one case, that run at once; the numbers do not depend on it.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<bool> isolate = new("--isolate")
    {
        Description = "Run cases in child processes, as many at once as --parallel says: " +
            "one that ends its process ends no other.",
    };
    private readonly Option<OperatorChoice> choice = OperatorText.Option();
    private readonly Option<LeakageChoice> leakage = new("--leakage")
    {
        HelpName = "auto|on|off",
        Description = "Measure what each update tells at best beside the attack; auto does where that is cheap.",
    };
    private readonly Option<string?> perceptual = new("--perceptual")
    {
        HelpName = "FILE",
        Description = "Weights of SqueezeNet 1.1's trunk, for the metric squeeze-distance; without them it is left out.",
    };
    private readonly Option<bool> leashed = new(CommandLine.UntilInputEnds) { Hidden = true };
    private readonly Option<bool> json = JsonText.Option("the report");

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])
            [folder, resume, failIf, allow, json, device, threads, parallel, isolate, choice, leakage, perceptual, leashed])
            command.Add(option);
    }

    /// <summary>What attacks and judges, as the flags say.</summary>
    /// <exception cref="AfterimageException">The file of the perceptual distance is absent or holds something else.</exception>
    public AttackAndJudge Audit(ParseResult line)
    {
        if (line.GetValue(perceptual) is { } path)
            SqueezeTrunk.Open(path).Dispose();
        return new() { Leakage = line.GetValue(leakage), Perceptual = line.GetValue(perceptual) };
    }

    /// <summary>Runs an experiment, shows it while it runs, and ends with its report.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="files">Reads experiments.</param>
    /// <param name="described">The experiment.</param>
    /// <param name="measurement">How every case is measured.</param>
    /// <param name="terminal">Where to write.</param>
    /// <param name="ending">What is written behind the report; null for nothing.</param>
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public int Run(ParseResult line, ExperimentFile files, Experiment described, Measurement<AuditReport> measurement, Terminal terminal,
        Action<Terminal, AuditReport>? ending = null)
    {
        var condition = line.GetValue(failIf) is { } text ? Condition.Parse(text) : null;
        if (condition is null && line.GetValue(allow))
            throw new AfterimageException("--allow-inconclusive is about --fail-if: add a condition, or leave it out.");
        CanBeJudged(condition, described);
        if (measurement.Fault(described) is { } fault)
            throw new AfterimageException(fault);
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
        var run = ExperimentRun.Start(files, described, measurement, options, opened, interruption.Token);
        Watching.ToTheEnd(run.Events, words, interruption.Token);
        var report = run.Report.GetAwaiter().GetResult();
        if (words != terminal)
            terminal.Raw.Write(ReportJson.Write(report));
        else
        {
            ReportView.Write(terminal.Output, report, options.Folder);
            ending?.Invoke(terminal, report);
        }
        words.Raw.WriteLine(Path.Combine(options.Folder, HtmlExporter.FileName));
        return end.Of(report, interruption.Token.IsCancellationRequested, words);
    }

    private static void CanBeJudged(Condition? condition, Experiment experiment)
    {
        if (condition is null)
            return;
        if (experiment.Client is RecordedUpdate { Truth: null })
            throw new AfterimageException($"--fail-if \"{condition.Text}\" compares with the true images, which nobody gave: " +
                "add --truth truth.npz, or leave out --fail-if.");
        condition.Check(MetricSet.Names);
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
