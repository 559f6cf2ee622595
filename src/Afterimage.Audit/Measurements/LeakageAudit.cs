using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Judging;
using Afterimage.Audit.Execution;
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
/// Measures what the updates of an experiment's clients tell of their batches, at the true images; nobody attacks. For an
/// update file the images are those given as its truth, which may be an attacker's reconstruction.
/// </summary>
public sealed class LeakageAudit(ExperimentFile files, LeakageOptions options)
{
    private const int MostPublicImages = 4000;

    /// <summary>Measures every case and writes leakage.html, leakage.json and their pictures.</summary>
    /// <param name="experiment">Model, client and axes; its attack plays no part.</param>
    /// <param name="finished">Told of every case as soon as it is measured.</param>
    /// <param name="cancellation">Stops between two cases; what was measured is reported.</param>
    /// <exception cref="AfterimageException">Something does not fit together, or the images are not known.</exception>
    public LeakageReport Run(Experiment experiment, Action<LeakageCase>? finished = null, CancellationToken cancellation = default)
    {
        set_num_threads(options.Threads);
        var cases = new List<LeakageCase>();
        var prior = "";
        foreach (var one in files.Expand(experiment))
        {
            if (cancellation.IsCancellationRequested)
                break;
            (var measured, prior) = Measure(one);
            cases.Add(measured);
            finished?.Invoke(measured);
        }
        var report = new LeakageReport
        {
            Version = typeof(LeakageAudit).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown",
            Title = experiment.Title == new Experiment().Title ? "What an update tells of its batch" : experiment.Title,
            Experiment = files.Write(experiment),
            Command = options.Command,
            Sentence = LeakageSentence.Of(cases, options.Probe.Noise),
            Noise = options.Probe.Noise,
            Prior = prior,
            Cases = [.. cases],
            Citations = [.. Cited().Select(References.Find)],
        };
        Directory.CreateDirectory(options.Folder);
        LeakageExporter.Export(report, options.Folder);
        return report;
    }

    private (LeakageCase Measured, string Prior) Measure(Case one)
    {
        var clock = Stopwatch.StartNew();
        var random = new RandomSource(one.Configuration.Seed);
        using var scope = Tidy.Scope();
        using var round = one.Configuration.Client.Open(one.Configuration.Model, one.Trial, random, CPU);
        if (round.Truth is not { } truth)
            throw new AfterimageException("What an update tells is measured at the images behind it, which nobody gave: add --truth with the images, or with a reconstruction of them.");
        using var context = new AttackContext
        {
            Model = round.Model,
            Observation = one.Configuration.Threat.Reveal(round),
            Random = random.Derive("leakage", one.Trial),
            OperatorChoice = options.Operator,
        };
        var prior = Prior(one.Configuration.Client, truth, random);
        var images = Tensors.From(truth.Images, ScalarType.Float64, CPU);
        var targets = new Labels(truth.Labels, Enumerable.Repeat(1.0, truth.Count).ToValueList()).Targets(round.Model.Classes, ScalarType.Float64, CPU);
        var layers = options.Probe.Measure(context, images, targets, prior, NoiseScale.Layer);
        var whole = options.Probe.Measure(context, images, targets, prior, NoiseScale.Whole);
        return (new(one.Axes.Count > 0 ? one.Name : truth.Count == 1 ? "1 image" : $"{truth.Count} images", truth.Count, clock.Elapsed.TotalSeconds, PlainLeakage.Of(layers), PlainLeakage.Of(whole), Show(one, truth, layers)), prior.Name);
    }

    private GaussianImages Prior(ClientSource client, PrivateBatch truth, RandomSource random)
    {
        var shape = truth.Images.Shape;
        if (options.Knowledge == ImageKnowledge.PowerLaw)
            return new Photographs(shape);
        var images = (client.Public ?? (client as SimulatedClient)?.Data ?? new DeadLeaves { Shape = shape }).Open();
        if (images.Shape != shape)
            throw new AfterimageException($"The public images have shape {images.Shape}, the client's {shape}: choose public images of that shape.");
        var order = Enumerable.Range(0, images.Count).ToArray();
        random.Derive("public covariance").Managed().Shuffle(order);
        var chosen = order.Select(index => images[index].Pixels)
            .Where(pixels => !truth.Images.Any(image => image.Pixels.SequenceEqual(pixels))).Take(MostPublicImages);
        return PublicImages.Fit(Tensors.From(new ImageBatch(shape, chosen), ScalarType.Float32, CPU));
    }

    private ImmutableArray<LeakageImage> Show(Case one, PrivateBatch truth, LeakageAnalysis found)
    {
        var pictures = new Pictures(options.Folder, one.Id, truth.Images.Shape);
        var maps = PlainLeakage.Maps(options.Folder, one.Id, truth.Images.Shape, found);
        return [.. Enumerable.Range(0, truth.Count).Select(i => new LeakageImage(i, truth.ClassNames[truth.Labels[i]], found.Images[i],
            pictures.Write($"truth-{i}", truth.Images[i].Pixels), maps[i]))];
    }

    private IEnumerable<string> Cited() => new[] { typeof(LeakageProbe) }.Concat(options.Knowledge == ImageKnowledge.PowerLaw ? [typeof(Photographs)] : [])
        .SelectMany(type => type.GetCustomAttribute<CitesAttribute>()!.Keys).Order(StringComparer.Ordinal);
}
