using System.Collections.Immutable;
using System.Reflection;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// What the updates of an experiment's clients tell of their batches, at the true images; nobody attacks. For an update file the
/// images are those given as its truth, which may be an attacker's reconstruction.
/// </summary>
public sealed record LeakageMeasurement : Measurement<LeakageReport>
{
    private const int MostPublicImages = 4000;

    /// <summary>How the leakage is measured.</summary>
    public LeakageProbe Probe { get; init; } = new();

    /// <summary>What the forecasts know of images.</summary>
    public ImageKnowledge Knowledge { get; init; } = ImageKnowledge.PowerLaw;

    /// <inheritdoc/>
    public override string Stream => "leakage";

    /// <inheritdoc/>
    public override string Title(Experiment experiment) =>
        experiment.Title == new Experiment().Title ? "What an update tells of its batch" : experiment.Title;

    /// <inheritdoc/>
    public override CaseResult Measure(OpenCase opened, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        if (opened.Round.Truth is not { } truth)
            throw new AfterimageException("What an update tells is measured at the images behind it, which nobody gave: " +
                "add --truth with the images, or with a reconstruction of them.");
        var one = opened.Case;
        var prior = Prior(one.Configuration.Client, truth, opened.Random);
        var images = Tensors.From(truth.Images, ScalarType.Float64, CPU);
        var targets = new Labels(truth.Labels, Enumerable.Repeat(1.0, truth.Count).ToValueList())
            .Targets(opened.Round.Model.Classes, ScalarType.Float64, CPU);
        using var first = opened.Context.Part("1 of 2, per layer");
        using var second = opened.Context.Part("2 of 2, whole update");
        var layers = Probe.Measure(first, images, targets, prior, NoiseScale.Layer, cancellation);
        var whole = Probe.Measure(second, images, targets, prior, NoiseScale.Whole, cancellation);
        var name = one.Axes.Count > 0 ? one.Name : truth.Count == 1 ? "1 image" : $"{truth.Count} images";
        var shown = Show(opened, truth, layers);
        var (exactness, largest) = SeparationSentence.Of(opened.Round.Model, opened.Context.Observation.Training.Mode, truth.Count);
        return new LeakageMeasured(one.Id,
            new(name, truth.Count, opened.Effort.Seconds, PlainLeakage.Of(layers), PlainLeakage.Of(whole), shown)
            {
                Exactness = exactness,
                LargestSeparable = largest,
            }, prior.Name);
    }

    /// <summary>Writes leakage.html and leakage.json; pictures are there already.</summary>
    public override LeakageReport Conclude(AuditReport header, IReadOnlyList<CaseResult> results, RunOptions options)
    {
        var measured = results.Cast<LeakageMeasured>().ToArray();
        ImmutableArray<LeakageCase> cases = [.. measured.Select(result => result.Case)];
        var report = new LeakageReport
        {
            Version = header.Version,
            Title = header.Title,
            Experiment = header.Experiment,
            Command = header.Command,
            Sentence = LeakageSentence.Of(cases, Probe.Noise),
            Noise = Probe.Noise,
            Prior = measured.LastOrDefault()?.Prior ?? "",
            Cases = cases,
            Citations = [.. Cited().Select(References.Find)],
        };
        Directory.CreateDirectory(options.Folder);
        LeakageExporter.Export(report, options.Folder);
        return report;
    }

    private GaussianImages Prior(ClientSource client, PrivateBatch truth, RandomSource random)
    {
        var shape = truth.Images.Shape;
        if (Knowledge == ImageKnowledge.PowerLaw)
            return new Photographs(shape);
        var images = ClientSource.Fitting(client.Public ?? (client as SimulatedClient)?.Data ?? new DeadLeaves { Shape = shape }, shape);
        var order = Enumerable.Range(0, images.Count).ToArray();
        random.Derive("public covariance").Managed().Shuffle(order);
        var chosen = order.Select(index => images[index].Pixels)
            .Where(pixels => !truth.Images.Any(image => image.Pixels.SequenceEqual(pixels))).Take(MostPublicImages);
        return PublicImages.Fit(Tensors.From(new ImageBatch(shape, chosen), ScalarType.Float32, CPU));
    }

    private static ImmutableArray<LeakageImage> Show(OpenCase opened, PrivateBatch truth, LeakageAnalysis found)
    {
        var pictures = new Pictures(opened.Options.Folder, opened.Case.Id, truth.Images.Shape);
        var determined = new DeterminedMaps(found, truth.Images.Shape);
        var maps = determined.Write(opened.Options.Folder, opened.Case.Id);
        return [.. Enumerable.Range(0, truth.Count).Select(i => PlainLeakage.Of(i, truth.ClassNames[truth.Labels[i]],
            pictures.Write($"truth-{i}", truth.Images[i].Pixels), found, maps[i], determined.Left))];
    }

    private IEnumerable<string> Cited() => new[] { typeof(LeakageProbe) }
        .Concat(Knowledge == ImageKnowledge.PowerLaw ? [typeof(Photographs)] : [])
        .SelectMany(type => type.GetCustomAttribute<CitesAttribute>()!.Keys).Order(StringComparer.Ordinal);
}
