using System.Text.Json;
using System.Xml.Linq;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Data;
using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Tests.Laws;
using Afterimage.UpdateFiles;

namespace Afterimage.Tests.Measurements;

[Trait("Category", "slow")]
public class LeakageMeasurementTests
{
    private static readonly Experiment Small = new()
    {
        Model = new Mlp { Depth = 1 },
        Client = new SimulatedClient { Data = new DeadLeaves { Shape = new(1, 8, 8), Count = 200 }, Labels = LabelMix.Distinct },
    };

    [Fact]
    public void A_sweep_is_measured_case_by_case_and_written_as_data_and_as_a_page()
    {
        using var folder = new TemporaryFolder();
        var (report, events) = Run(folder, Small with { Vary = [new("/client/batchSize", [1, 2, 4])] });
        Assert.Equal([1, 2, 4], report.Cases.Select(found => found.Batch));
        Assert.Equal(events.OfType<LeakageMeasured>().Select(measured => measured.Case), report.Cases);
        Assert.False(File.Exists(folder["events.jsonl"]));
        Assert.StartsWith("The largest batch that can still be read", report.Sentence, StringComparison.Ordinal);
        Assert.All(report.Cases, found => Assert.StartsWith("By counting, no layer", found.Exactness!, StringComparison.Ordinal));

        using var json = JsonDocument.Parse(File.ReadAllText(folder["leakage.json"]));
        Assert.Equal(LeakageReport.CurrentSchema, json.RootElement.GetProperty("schema").GetString());
        Assert.Equal(3, json.RootElement.GetProperty("cases").GetArrayLength());

        // The page is well-formed, has the curve and a map for every image, and loads nothing.
        var page = XDocument.Parse(File.ReadAllText(folder["leakage.html"]).Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        var images = page.Descendants("img").Select(image => image.Attribute("src")!.Value).ToArray();
        Assert.Equal(2 * 7, images.Length);
        Assert.All(images, source => Assert.StartsWith("data:image/png;base64,", source, StringComparison.Ordinal));
        Assert.Equal(2 + 3 * 2, page.Descendants("svg").Count(svg => svg.Attribute("role")?.Value == "img"));
        Assert.Contains(report.Sentence, page.Descendants("p").Select(text => text.Value));
    }

    [Fact]
    public void Whoever_looks_on_hears_what_is_measured_and_how_far_it_is()
    {
        using var scene = Scene.Tiny();
        var prior = new Photographs(scene.Model.Input);
        var phases = new List<Phase>();
        using var context = scene.Context.Watched(phases.Add);
        new LeakageProbe().Measure(context, scene.Images, scene.Targets, prior, NoiseScale.Layer);
        Assert.Equal("squares the Jacobian", phases[0].Name);
        Assert.Equal(Enumerable.Range(0, 64).Select(k => (long)k),
            phases.Where(phase => phase.Unit == "columns").Select(phase => phase.Done));
        Assert.Contains(phases, phase => phase.Name == "decomposes 64 directions (white)");
        Assert.Contains(phases, phase => phase.Name == "decomposes 64 directions (1/f^2)");

        phases.Clear();
        new LeakageProbe { Unknowns = 1, Steps = 8, Probes = 2 }.Measure(context, scene.Images, scene.Targets, prior, NoiseScale.Layer);
        Assert.Equal(2 * 2 * 8, phases.Count(phase => phase is { Of: 8, Unit: "steps" }));
        Assert.Equal(4, phases.Select(phase => phase.Name).Distinct().Count());
    }

    [Fact]
    public void More_images_in_the_mean_leave_a_smaller_share()
    {
        using var folder = new TemporaryFolder();
        var cases = Run(folder, Small with { Vary = [new("/client/batchSize", [1, 8])] }).Report.Cases;
        double Share(LeakageCase found) => found.PerLayer.At(1e-6).Directions.High / found.PerLayer.Unknowns;
        Assert.InRange(Share(cases[0]), 0.999, 1.0);
        Assert.True(Share(cases[1]) < Share(cases[0]));
        Assert.True(cases[1].PerLayer.At(1e-6).Images.Low < cases[0].PerLayer.At(1e-6).Images.Low);
    }

    [Fact]
    public void Public_images_are_knowledge_too()
    {
        using var folder = new TemporaryFolder();
        var report = Run(folder, Small, new() { Knowledge = ImageKnowledge.PublicImages }).Report;
        Assert.Equal("199 public images", report.Prior);
        Assert.DoesNotContain("field1987relations", report.Citations.Select(citation => citation.Key));
        Assert.Single(report.Cases[0].Images);
    }

    [Fact]
    public void Without_images_there_is_nothing_to_measure_at()
    {
        using var folder = new TemporaryFolder();
        using var scene = Scene.Tiny();
        var update = folder["update.npz"];
        Afterimage.UpdateFiles.UpdateFile.Write(update, scene.Context.Observation.Update, null);
        var experiment = new Experiment
        {
            Model = Clients.RecordedUpdateTests.Saved(
                folder, new Mlp { Depth = 2, Width = 24, Activation = ActivationKind.Sigmoid }, scene.Model),
            Client = new RecordedUpdate { Update = update, Input = new ImageShape(1, 8, 8), Classes = 5, BatchSize = 1 },
        };
        Refusal.Says("add --truth", () => Run(folder, experiment));
    }

    [Fact]
    public void A_measurement_stops_between_two_products_and_leaves_nothing()
    {
        using var scene = Scene.Tiny();
        var prior = new Photographs(scene.Model.Input);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        var alive = TorchSharp.torch.Tensor.TotalCount;
        foreach (var unknowns in new[] { 1, 6144 })
            Assert.Throws<OperationCanceledException>(() => new LeakageProbe { Unknowns = unknowns }
                .Measure(scene.Context, scene.Images, scene.Targets, prior, NoiseScale.Layer, stop.Token));
        // Finalizers of other tests may take some away.
        Assert.InRange(TorchSharp.torch.Tensor.TotalCount, 0, alive);
    }

    [Fact]
    public void A_sweep_that_is_stopped_reports_what_it_has()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var (report, _) = Run(folder, Small with { Vary = [new("/client/batchSize", [1, 8])] }, cancellation: stop.Token,
            watch: next =>
            {
                if (next is CaseStarted { Name: "batchSize 8" })
                    stop.Cancel();
            });
        Assert.Equal([1], report.Cases.Select(found => found.Batch));
    }

    private static (LeakageReport Report, List<AuditEvent> Events) Run(TemporaryFolder folder, Experiment experiment,
        LeakageMeasurement? measurement = null, Action<AuditEvent>? watch = null, CancellationToken cancellation = default)
    {
        var options = new RunOptions { Folder = folder.Path };
        var run = ExperimentRun.Start(new(Catalog.Standard), experiment, measurement ?? new(), options, cancellation);
        var events = new List<AuditEvent>();
        try
        {
            foreach (var next in run.Events.ReadAllAsync(CancellationToken.None).ToBlockingEnumerable(CancellationToken.None))
            {
                events.Add(next);
                watch?.Invoke(next);
            }
        }
        catch (AfterimageException)
        {
            // The report's task fails with it, too.
        }
        return (run.Report.GetAwaiter().GetResult(), events);
    }
}
