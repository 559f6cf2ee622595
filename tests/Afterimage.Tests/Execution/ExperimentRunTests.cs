using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Tests.Clients;
using TorchSharp;

namespace Afterimage.Tests.Execution;

[Trait("Category", "slow")]
public class ExperimentRunTests
{
    [Fact]
    public async Task An_audit_writes_its_report()
    {
        using var folder = new TemporaryFolder();
        var (report, events) = await SmallAudit.Run(SmallAudit.Experiment with { Trials = 2 }, folder.Path);
        foreach (var file in (string[])["report.html", "report.json", "report.csv", "events.jsonl"])
            Assert.True(new FileInfo(folder[file]).Length > 0, file);
        Assert.Equal(ReportJson.Write(report), ReportJson.Write(JsonExporter.Import(folder.Path)));
        Assert.Equal("afterimage audit small.json", report.Command);
        Assert.Equal(SmallAudit.Files.Expand(SmallAudit.Experiment with { Trials = 2 }).Select(one => one.Id),
            report.Cases.Select(one => one.Id));
        Assert.Equal(SmallAudit.Experiment with { Trials = 2 }, SmallAudit.Files.Parse(report.Experiment, "the report"));
        Assert.All(report.Cases, one =>
        {
            var image = Assert.Single(one.Images);
            foreach (var picture in image.Path.Select(step => step.Picture).Append(image.Reconstruction).Append(image.Truth!))
                Assert.True(File.Exists(folder[picture.File]), picture.File);
            Assert.Equal(["feature-distance", "mse", "psnr", "rank", "registered-psnr", "ssim"], image.Metrics.Keys);
            Assert.NotEmpty(image.Baselines);
            Assert.True(one.RelativeMisfit is > 0 and < 1);
            Assert.True(one.Cost is { Evaluations: >= 10, Restarts: 1, Seconds: > 0 });
            Assert.NotEmpty(Assert.Single(one.Curves).Points);
            Assert.Contains("lbfgs", one.Configuration, StringComparison.Ordinal);
            Assert.Equal(["images", "labels"], ArrayFile.Read(folder["reconstructions", $"{one.Id[..12]}.npz"])
                .Arrays.Select(array => array.Name).Order());
        });
        Assert.Contains(report.Citations, citation => citation.Key == "liu1989limited");
        Assert.IsType<AuditStarted>(events[0]);
        Assert.IsType<AuditFinished>(events[^1]);
        Assert.Equal(2, events.OfType<CaseFinished>().Count());
        Assert.Equal(events.Where(next => next is not (IterateSeen or PhaseSeen)).Select(next => next.GetType()),
            Journal.Read(folder.Path).Where(next => next is not (IterateSeen or PhaseSeen)).Select(next => next.GetType()));
        Assert.Equal(events.Select(next => next.At).Order(), events.Select(next => next.At));
    }

    [Fact]
    public async Task Phases_follow_what_happens_to_a_case()
    {
        using var folder = new TemporaryFolder();
        await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        Assert.Equal(
            [
                "opens the data", "opens the model", "trains the client", "opens public images",
                "gradient-matching: recovers the labels", "gradient-matching: searches",
                "judges what came back", "recovers the labels for the report",
                "measures the leakage: chooses how", "measures the leakage: squares the Jacobian",
                "measures the leakage: decomposes 64 directions (white)",
                "measures the leakage: decomposes 64 directions (1/f^2)", "measures the leakage: draws the map of what is determined",
            ],
            Journal.Read(folder.Path).OfType<PhaseSeen>().Select(seen => seen.Name));
    }

    [Fact]
    public async Task A_case_that_is_open_is_not_opened_again_and_has_the_same_numbers()
    {
        using var folder = new TemporaryFolder();
        using var again = new TemporaryFolder();
        torch.set_num_threads(1);
        Assert.Empty(SmallAudit.Files.Check(SmallAudit.Experiment, null, out var round));
        using (round)
        {
            var run = ExperimentRun.Start(SmallAudit.Files, SmallAudit.Experiment, new AttackAndJudge(), new() { Folder = folder.Path },
                round, TestContext.Current.CancellationToken);
            await foreach (var _ in run.Events.ReadAllAsync(CancellationToken.None))
                continue;
            Assert.Equal((await SmallAudit.Run(SmallAudit.Experiment, again.Path)).Report.Cases[0].RelativeMisfit,
                (await run.Report).Cases[0].RelativeMisfit);
        }
        Assert.DoesNotContain(Journal.Read(folder.Path).OfType<PhaseSeen>(), seen => seen.Name == "opens the model");
    }

    [Fact]
    public async Task The_same_experiment_gives_the_same_numbers()
    {
        using var first = new TemporaryFolder();
        using var second = new TemporaryFolder();
        static IEnumerable<object> Numbers(AuditReport report) =>
            report.Cases.Select(one => (one.Id, one.RelativeMisfit, one.Images[0].Metrics["psnr"], one.Cost.Evaluations) as object);
        Assert.Equal(Numbers((await SmallAudit.Run(SmallAudit.Experiment, first.Path)).Report),
            Numbers((await SmallAudit.Run(SmallAudit.Experiment, second.Path)).Report));
    }

    [Fact]
    public async Task Cases_at_once_give_the_numbers_of_cases_one_by_one()
    {
        using var first = new TemporaryFolder();
        using var second = new TemporaryFolder();
        var experiment = SmallAudit.Experiment with { Trials = 4 };
        static IEnumerable<object> Numbers(AuditReport report) =>
            report.Cases.Select(one => (one.Id, one.RelativeMisfit, one.Images[0].Metrics["psnr"], one.Cost.Evaluations) as object);
        var (together, events) = await SmallAudit.Run(experiment, second.Path, parallel: 2);
        Assert.Equal(Numbers((await SmallAudit.Run(experiment, first.Path)).Report), Numbers(together));
        Assert.Equal(4, AuditView.Replay(Journal.Read(second.Path)).Finished.Length);
        Assert.Empty(events.Aggregate(AuditView.Empty, AuditView.Reduce).AllRunning);
    }

    [Fact]
    public async Task A_resumed_audit_runs_nothing_twice()
    {
        using var folder = new TemporaryFolder();
        var (before, _) = await SmallAudit.Run(SmallAudit.Experiment with { Trials = 2 }, folder.Path);
        var (after, events) = await SmallAudit.Run(SmallAudit.Experiment with { Trials = 3 }, folder.Path, resume: true);
        Assert.Equal(after.Cases[2].Id, Assert.Single(events.OfType<CaseStarted>()).Id);
        Assert.Equal(before.Cases.Select(one => one.Id), after.Cases.Take(2).Select(one => one.Id));
        Assert.Equal(before.Cases.Select(one => one.Cost), after.Cases.Take(2).Select(one => one.Cost));
        Assert.All(Journal.Read(folder.Path).OfType<CaseStarted>().GroupBy(started => started.Id), group => Assert.Single(group));
        Assert.Equal(3, AuditView.Replay(Journal.Read(folder.Path)).Finished.Length);
        await SmallAudit.Run(SmallAudit.Experiment with { Trials = 3 }, folder.Path, resume: true);
        Assert.Equal(after.Cases.Select(one => one.Id),
            Journal.Read(folder.Path).OfType<CaseFinished>().Select(finished => finished.CaseId));
        Assert.Equal(after.Cases.Length, events.OfType<CaseFinished>().Count());
        Assert.Equal(events.Select(next => next.At).Order(), events.Select(next => next.At));
    }

    [Fact]
    public async Task An_audit_that_has_ended_is_resumed_without_another_copy_of_its_cases()
    {
        using var folder = new TemporaryFolder();
        await SmallAudit.Run(SmallAudit.Experiment with { Trials = 2 }, folder.Path);
        var before = File.ReadAllText(folder[Journal.FileName]);
        for (var i = 0; i < 2; i++)
        {
            var (report, events) = await SmallAudit.Run(SmallAudit.Experiment with { Trials = 2 }, folder.Path, resume: true);
            Assert.Equal(2, report.Cases.Length);
            Assert.IsType<AuditFinished>(events[^1]);
        }
        Assert.Equal(before, File.ReadAllText(folder[Journal.FileName]));
    }

    [Fact]
    public async Task An_audit_of_another_experiment_is_not_resumed()
    {
        using var folder = new TemporaryFolder();
        await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        var before = File.ReadAllText(folder[Journal.FileName]);
        var other = SmallAudit.Experiment with { Seed = 7, Model = ((Mlp)SmallAudit.Experiment.Model) with { Depth = 3 } };
        var refusal = await Assert.ThrowsAsync<AfterimageException>(() => SmallAudit.Run(other, folder.Path, resume: true));
        Assert.Contains("holds an audit of another experiment", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("/seed is 0 there and 7 here", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("/model/depth is 2 there and 3 here", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(folder[Journal.FileName]));
    }

    [Fact]
    public async Task A_folder_is_for_one_run_at_a_time()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        Task<(AuditReport, List<AuditEvent>)>? second = null;
        var waiting = SmallAudit.Varying("/attack", $$"""[{"kind": "patient", "until": "{{folder["gate"]}}"}]""");
        await SmallAudit.Run(waiting, folder["report"], watch: next =>
        {
            if (next is CaseStarted)
            {
                second = SmallAudit.Run(SmallAudit.Experiment, folder["report"], resume: true);
                ((IAsyncResult)second).AsyncWaitHandle.WaitOne();
                stop.Cancel();
            }
        }, cancellation: stop.Token);
        var refusal = await Assert.ThrowsAsync<ReportException>(() => second!);
        Assert.Equal($"{folder["report"]} is in use by another run: wait until it has ended, or choose another folder with --out.",
            refusal.Message);
        Assert.Single((await SmallAudit.Run(SmallAudit.Experiment, folder["report"])).Report.Cases);
    }

    [Fact]
    public async Task The_lock_of_a_dead_process_is_in_nobodys_way()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[FolderLock.FileName], "");
        await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        Assert.False(File.Exists(folder[FolderLock.FileName]));
    }

    [Fact]
    public async Task A_run_that_does_not_resume_begins_anew()
    {
        using var folder = new TemporaryFolder();
        await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        var (_, events) = await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        Assert.Single(events.OfType<CaseStarted>());
        Assert.Single(Journal.Read(folder.Path).OfType<AuditStarted>());
    }

    [Fact]
    public async Task A_canceled_audit_leaves_a_report_and_resumes_where_it_was()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var gate = folder["gate"];
        var experiment = SmallAudit.Experiment with
        {
            Attack = new Patient(),
            Vary = [new("/attack/until", [null, gate])],
        };
        var (canceled, _) = await SmallAudit.Run(experiment, folder["report"], watch: next =>
        {
            if (next is CaseStarted { Name: var name } && name.Contains("gate", StringComparison.Ordinal))
                stop.Cancel();
        }, cancellation: stop.Token);
        Assert.Equal(["BudgetSpent", "Canceled"], canceled.Cases.Select(one => one.Outcome));
        Assert.Equal(ReportJson.Write(canceled), ReportJson.Write(JsonExporter.Import(folder["report"])));
        Assert.DoesNotContain(Journal.Read(folder["report"]), next => next is AuditFinished);

        folder.Write("gate", "");
        var (whole, events) = await SmallAudit.Run(experiment, folder["report"], resume: true);
        Assert.Equal(["BudgetSpent", "BudgetSpent"], whole.Cases.Select(one => one.Outcome));
        Assert.Equal(whole.Cases[1].Id, Assert.Single(events.OfType<CaseStarted>()).Id);
        Assert.Equal(canceled.Cases[0].Cost, whole.Cases[0].Cost);
        var (_, again) = await SmallAudit.Run(experiment, folder["report"], resume: true);
        Assert.Empty(again.OfType<CaseStarted>());
    }

    [Fact]
    public async Task An_audit_stopped_before_its_first_case_still_reports()
    {
        using var folder = new TemporaryFolder();
        var (report, events) = await SmallAudit.Run(SmallAudit.Experiment, folder.Path,
            cancellation: new CancellationToken(canceled: true));
        Assert.Empty(report.Cases);
        Assert.Empty(events.OfType<CaseStarted>());
        Assert.NotEqual(LeakLevel.Nothing, report.Verdict.Level);
        Assert.True(File.Exists(folder["report.html"]));
        Assert.Single((await SmallAudit.Run(SmallAudit.Experiment, folder.Path, resume: true)).Report.Cases);
    }

    [Fact]
    public async Task A_case_that_crashes_is_told_and_the_others_go_on()
    {
        using var folder = new TemporaryFolder();
        var (report, _) = await SmallAudit.Run(SmallAudit.Varying("/attack/priors", "[[{\"kind\": \"exploding\"}], []]"), folder.Path);
        Assert.Equal("Crashed", report.Cases[0].Outcome);
        Assert.Contains("boom", report.Cases[0].Advice, StringComparison.Ordinal);
        Assert.NotEqual("Crashed", report.Cases[1].Outcome);
        Assert.NotEmpty(report.Cases[1].Images);
        Assert.Equal(LeakLevel.Inconclusive, report.Cases[0].Verdict.Level);
    }

    [Fact]
    public async Task A_case_that_is_refused_says_what_to_do()
    {
        using var folder = new TemporaryFolder();
        var (report, _) = await SmallAudit.Run(SmallAudit.Varying("/attack/labels", "[\"given\", \"bias-sign\"]"), folder.Path);
        Assert.Equal("Refused", report.Cases[0].Outcome);
        Assert.Contains("reveal the labels", report.Cases[0].Advice, StringComparison.Ordinal);
        Assert.NotEqual("Refused", report.Cases[1].Outcome);
        Assert.Empty(report.Cases[0].Images);
    }

    [Fact]
    public async Task An_experiment_that_means_nothing_fails_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        var experiment = SmallAudit.Experiment with { Trials = 0 };
        await Assert.ThrowsAsync<AfterimageException>(() => SmallAudit.Run(experiment, folder["report"]));
        Assert.False(Directory.Exists(folder["report"]));
    }

    [Fact]
    public async Task Without_the_truth_nothing_is_judged()
    {
        using var folder = new TemporaryFolder();
        var recorded = RecordedUpdateTests.Record(folder, "update.npz");
        var experiment = SmallAudit.Experiment with
        {
            Model = RecordedUpdateTests.Saved(folder, SmallAudit.Experiment.Model),
            Client = new RecordedUpdate { Update = recorded },
        };
        var (report, _) = await SmallAudit.Run(experiment, folder["report"]);
        var only = Assert.Single(report.Cases);
        Assert.Equal(LeakLevel.Unjudged, only.Verdict.Level);
        Assert.Empty(only.Metrics);
        Assert.Null(only.LabelAccuracy);
        Assert.Null(Assert.Single(only.Images).Truth);
    }
}
