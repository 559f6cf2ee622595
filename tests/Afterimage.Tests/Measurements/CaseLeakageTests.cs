using System.Xml.Linq;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Measurements;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Tests.Clients;
using Afterimage.Tests.Execution;

namespace Afterimage.Tests.Measurements;

/// <summary>What an update tells at best, as a section of an audit.</summary>
[Trait("Category", "slow")]
public class CaseLeakageTests
{
    private static readonly SimulatedClient Client = (SimulatedClient)SmallAudit.Experiment.Client;

    [Fact]
    public async Task An_audit_says_what_the_update_tells_at_its_own_noise()
    {
        using var folder = new TemporaryFolder();
        var (report, _) = await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        var found = Assert.Single(report.Cases).Leakage!;
        Assert.True(found.AtTruth);
        // The client computed in single precision.
        Assert.InRange(found.Noise, 1e-8, 1e-5);
        Assert.True(found.Spectrum is { Exact: true, Unknowns: 64, Rank: > 0 });
        Assert.InRange(found.Forecast().Images.Low, 20, 200);
        Assert.InRange(found.Spread!.Value, 0.01, 1.5);
        Assert.Contains("this attack reached", found.Sentence, StringComparison.Ordinal);
        Assert.True(File.Exists(folder[Assert.Single(found.Images).Map.File]));
        Assert.Contains("hannun2021measuring", report.Citations.Select(citation => citation.Key));
        Assert.Equal(ReportJson.Write(report), ReportJson.Write(JsonExporter.Import(folder.Path)));
        var page = XDocument.Parse(File.ReadAllText(folder["report.html"]).Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        Assert.Contains(found.Sentence, page.Descendants("p").Select(text => text.Value));
        Assert.Contains("forecast of image", File.ReadAllText(folder["report.csv"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_that_were_left_out_are_no_noise()
    {
        using var folder = new TemporaryFolder();
        var (report, _) = await SmallAudit.Run(
            SmallAudit.Experiment with { Client = Client with { Defense = new TopK { Share = 0.5 } } }, folder.Path);
        Assert.InRange(Assert.Single(report.Cases).Leakage!.Noise, 1e-8, 1e-5);
    }

    [Fact]
    public async Task Noise_of_the_client_is_measured_and_lowers_the_forecast()
    {
        using var folder = new TemporaryFolder();
        var defended = SmallAudit.Experiment with
        {
            Client = Client with { Defense = new GaussianNoise() },
            Vary = [new("/client/defense/relative", [0.001, 0.01, 0.1])],
        };
        var (report, _) = await SmallAudit.Run(defended, folder.Path);
        double[] measured = [.. report.Cases.Select(found => found.Leakage!.Noise)];
        foreach (var (expected, found) in new[] { 0.001, 0.01, 0.1 }.Zip(measured))
            Assert.InRange(found, 0.9 * expected, 1.1 * expected);
        double[] forecasts = [.. report.Cases.Select(found => found.Leakage!.Forecast().Images.Low)];
        Assert.Equal(forecasts.OrderDescending(), forecasts);
        Assert.Equal(3, report.Comparison!.Cases);
        Assert.Equal(0, report.Comparison.Above);
        Assert.Contains("spearman1904proof", report.Citations.Select(citation => citation.Key));
        Assert.Contains("Forecast against attack", File.ReadAllText(folder["report.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_truth_it_is_measured_at_the_reconstruction_and_says_so()
    {
        using var folder = new TemporaryFolder();
        var client = new RecordedUpdate { Update = RecordedUpdateTests.Record(folder, "update.npz") };
        var experiment = SmallAudit.Experiment with
        {
            Model = RecordedUpdateTests.Saved(folder, SmallAudit.Experiment.Model), Client = client,
        };
        var (report, _) = await SmallAudit.Run(experiment, folder["report"]);
        var found = Assert.Single(report.Cases).Leakage!;
        Assert.False(found.AtTruth);
        Assert.StartsWith("At the reconstruction", found.Sentence, StringComparison.Ordinal);
        Assert.Null(report.Comparison);
    }

    [Fact]
    public async Task Who_does_not_want_it_does_not_get_it()
    {
        using var folder = new TemporaryFolder();
        var run = ExperimentRun.Start(SmallAudit.Files, SmallAudit.Experiment, new AttackAndJudge { Leakage = LeakageChoice.Off },
            new() { Folder = folder.Path }, TestContext.Current.CancellationToken);
        await foreach (var _ in run.Events.ReadAllAsync(TestContext.Current.CancellationToken)) { }
        var only = Assert.Single((await run.Report).Cases);
        Assert.Null(only.Leakage);
        Assert.DoesNotContain(only.Findings, finding => finding.Text.Contains("--leakage", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void Noise_that_is_none_is_refused(double noise)
    {
        var client = Client with { Defense = new GaussianNoise { Relative = noise } };
        Refusal.Says("/defense/relative is",
            () => client.Open(SmallAudit.Experiment.Model, 0, new RandomSource(1), TorchSharp.torch.CPU));
    }

    [Fact]
    public void Parts_of_one_kind_on_an_axis_are_told_apart_by_what_differs()
    {
        var experiment = SmallAudit.Files.Parse("""
            {"vary": [{"pointer": "/client", "values": [
              {"kind": "simulated-client", "batchSize": 1},
              {"kind": "simulated-client", "batchSize": 2, "labels": "same"}]}]}
            """, "the test");
        Assert.Equal(
            ["client batchSize 1", "client batchSize 2, labels same"], SmallAudit.Files.Expand(experiment).Select(one => one.Name));
    }
}
