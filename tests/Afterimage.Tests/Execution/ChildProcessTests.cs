using System.Diagnostics;
using System.Security.Cryptography;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Tests.Cli;
using Afterimage.Tests.Models;

namespace Afterimage.Tests.Execution;

/// <summary>Cases in child processes: of this program, which hosts the command with the parts of these tests, and of fake ones.</summary>
[Trait("Category", "slow")]
public class ChildProcessTests
{
    private static readonly AttackAndJudge Alone = new() { Leakage = LeakageChoice.Off };

    [Fact]
    public async Task A_child_reports_what_the_case_gives_in_process()
    {
        using var folder = new TemporaryFolder();
        var experiment = SmallAudit.Experiment with { Trials = 2 };
        var here = await SmallAudit.Run(experiment, Alone, Options(folder["here"]) with { Isolate = false });
        var child = await SmallAudit.Run(experiment, Alone, Options(folder["child"]) with { Parallel = 2 });
        Assert.Equal(here.Report.Cases.Select(Timeless), child.Report.Cases.Select(Timeless));
        Assert.All(child.Report.Cases, one => Assert.True(one.Cost is { Seconds: > 0, CpuSeconds: > 0 }));
        Assert.Equal(Pictures(folder["here"]), Pictures(folder["child"]));
        Assert.Contains(child.Events.OfType<IterateSeen>(), seen => seen.Thumbnail is { Width: 8, Height: 8, Rgb.Length: 3 * 64 });
        Assert.Equal(child.Events.Select(next => next.At).Order(), child.Events.Select(next => next.At));
    }

    [Fact]
    public async Task A_case_that_aborts_natively_is_told_and_the_others_go_on()
    {
        using var folder = new TemporaryFolder();
        var experiment = SmallAudit.Varying("/attack/priors", "[[{\"kind\": \"aborting\"}], [{\"kind\": \"exploding\"}], []]");
        var (report, _) = await SmallAudit.Run(experiment, Alone, Options(folder.Path));
        Assert.Equal(["Crashed", "Crashed", "Converged"], report.Cases.Select(one => one.Outcome));
        const string Words = "The case ended its process (SIGABRT), with the last words \"mat1 and mat2";
        Assert.StartsWith(Words, report.Cases[0].Advice, StringComparison.Ordinal);
        Assert.Contains("boom", report.Cases[1].Advice, StringComparison.Ordinal);
        Assert.NotEmpty(report.Cases[2].Images);
    }

    [Theory]
    [InlineData("patient", 1)]
    [InlineData("deaf", 2)]
    public async Task A_child_stops_within_a_second_of_being_asked(string attack, double most)
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var clock = new Stopwatch();
        var until = attack == "patient" ? $", \"until\": \"{folder["never"]}\"" : "";
        var experiment = SmallAudit.Varying("/attack", $$"""[{"kind": "{{attack}}"{{until}}}]""");
        var (report, _) = await SmallAudit.Run(experiment, Alone, Options(folder["report"]), next =>
        {
            if (next is IterateSeen && !stop.IsCancellationRequested)
            {
                clock.Start();
                stop.Cancel();
            }
        }, stop.Token);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, most + 2);
        Assert.Equal("Canceled", Assert.Single(report.Cases).Outcome);
        // One that listens shows what it has.
        Assert.Equal(attack == "patient" ? 1 : 0, report.Cases[0].Images.Length);
        Assert.DoesNotContain(Journal.Read(folder["report"]), next => next is CaseFinished);
    }

    [Theory]
    [InlineData("kill -SEGV $$", "SIGSEGV")]
    [InlineData("kill -KILL $$", "SIGKILL), most likely because memory ran out")]
    [InlineData("echo 'Unhandled exception. System.OutOfMemoryException' >&2; kill -ABRT $$", "SIGABRT), most likely because memory")]
    [InlineData("echo hello; echo '{\"no\": 1}'; echo 'No luck.' >&2; exit 7", "exit code 7), with the last words \"No luck\":")]
    [InlineData("exec 0<&-; exit 0", "exit code 0)")]
    public void A_death_is_named_with_what_to_do(string script, string words)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs a shell");
        var report = Assert.IsType<CaseFinished>(Fake(script, _ => { })).Report;
        Assert.Equal("Crashed", report.Outcome);
        Assert.Contains(words, report.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_child_gets_its_case_as_a_line_and_answers_in_lines()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs a shell");
        using var folder = new TemporaryFolder();
        var answer = Alone.Failed(One, new(OutcomeKind.Refused, "No."), new());
        folder.Write("answer", ReportJson.WriteEvent(new IterateSeen(One.Id, 1, 2, 3, 4)) + "\n" + ReportJson.WriteEvent(answer) + "\n");
        var seen = new List<AuditEvent>();
        // What it does after its answer changes nothing.
        var result = Fake($"read -r line; printf %s \"$line\" > {folder["order"]}; cat {folder["answer"]}; kill -SEGV $$", seen.Add);
        Assert.Equal([new IterateSeen(One.Id, 1, 2, 3, 4)], seen);
        Assert.Equal(ReportJson.WriteEvent(answer), ReportJson.WriteEvent(result!));
        var order = new OrderText(SmallAudit.Files).Read(File.ReadAllText(folder["order"]));
        Assert.Equal((One.Id, One.Name, Alone), (order.Case(SmallAudit.Files).Id, order.Case(SmallAudit.Files).Name, order.Measurement));
    }

    [Fact]
    public void The_command_isolates_its_cases()
    {
        using var folder = new TemporaryFolder();
        string[] line = ["audit", "--attack", "matching", "--iterations", "3", "--restarts", "1", "--set", "/client/data/shape=1x16x16",
            "--operator", "autograd", "--leakage", "off", "--out"];
        var (here, child) = (Commanded.InProcess([.. line, folder["here"]]), Commanded.InProcess([.. line, folder["child"], "--isolate"]));
        Assert.Equal((0, "", 0, ""), (here.Code, here.Error, child.Code, child.Error));
        static string Only(string folder) => Timeless(Assert.Single(AuditView.Replay(Journal.Read(folder)).Report!.Cases));
        Assert.Equal(Only(folder["here"]), Only(folder["child"]));
    }

    [Fact]
    public void A_program_that_does_not_pass_its_arguments_on_starts_no_chain_of_programs()
    {
        Environment.SetEnvironmentVariable(ChildCase.Mark, "1");
        try
        {
            Assert.Contains("pass the arguments of its Main on", Commanded.Run("audit", "--isolate").Error, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(ChildCase.Mark, null);
        }
    }

    private static Case One { get; } = SmallAudit.Files.Expand(SmallAudit.Experiment with { Vary = [new("/client/batchSize", [2])] })[0];

    private static RunOptions Options(string folder) => new() { Folder = folder, Isolate = true, Operator = OperatorChoice.Autograd };

    private static CaseResult? Fake(string script, Action<AuditEvent> publish) =>
        new ChildProcess(SmallAudit.Files, Alone, Options("nowhere"), new("/bin/sh", ["-c", script]))
            .Execute(One, publish, CancellationToken.None);

    /// <summary>All numbers but times.</summary>
    private static string Timeless(CaseReport report) =>
        ReportJson.WriteEvent(new CaseFinished(report with { Cost = report.Cost with { Seconds = 0, CpuSeconds = 0 } }));

    private static IEnumerable<(string, string)> Pictures(string folder) =>
        from path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        where Path.GetExtension(path) is ".png" or ".npz"
        select (Path.GetRelativePath(folder, path), Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))));
}
