using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Metrics;

/// <summary>Compares what came back with the truth: after one-to-one matching, beside the baselines.</summary>
public static class Judge
{
    /// <param name="truth">The client's batch.</param>
    /// <param name="reconstructed">As many images, in the attack's order.</param>
    /// <param name="labels">What the attack takes for their labels, in the same order.</param>
    /// <param name="baselines">References made of public images.</param>
    /// <param name="metrics">The standard ones when not given.</param>
    public static Judgment Compare(PrivateBatch truth, ImageBatch reconstructed, IReadOnlyList<int> labels, Baselines baselines,
        ImmutableArray<Metric> metrics = default)
    {
        if (labels.Count != reconstructed.Count)
            throw new AfterimageException($"The attack returned {reconstructed.Count} images and {labels.Count} labels: it must return one label for each image.");
        var chosen = metrics.IsDefault ? Metric.Standard : metrics;
        var match = Matching.Of(truth.Images, reconstructed);
        return new(
            [.. Enumerable.Range(0, truth.Count).Select(i => new JudgedImage(
                i,
                match[i],
                truth.Labels[i],
                labels[match[i]],
                chosen.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth.Images[i], reconstructed[match[i]])),
                baselines.Measure(truth.Images[i], chosen)))],
            LabelAccuracy.Of(truth.Labels, labels));
    }
}

/// <summary>A true image and the reconstruction that was matched with it.</summary>
/// <param name="Index">The image's place in the client's batch.</param>
/// <param name="Reconstruction">The place of its reconstruction in the attack's batch.</param>
/// <param name="Metrics">Values by metric name.</param>
/// <param name="Baselines">Values by baseline name and metric name.</param>
public sealed record JudgedImage(int Index, int Reconstruction, int TrueLabel, int RecoveredLabel,
    ImmutableSortedDictionary<string, double> Metrics,
    ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Baselines);

/// <param name="Images">In the order of the client's batch.</param>
/// <param name="LabelAccuracy">The fraction of labels that are right, as a multiset.</param>
public sealed record Judgment(Seq<JudgedImage> Images, double LabelAccuracy)
{
    /// <summary>For each metric by name, its spread over the images.</summary>
    public ImmutableSortedDictionary<string, Spread> Metrics =>
        Images[0].Metrics.Keys.ToImmutableSortedDictionary(name => name, name => Spread.Of(Images.Select(image => image.Metrics[name])));

    /// <summary>For each metric by name and each baseline by name, the spread over the images.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>> Baselines =>
        Images[0].Metrics.Keys.ToImmutableSortedDictionary(name => name, name => Images[0].Baselines.Keys.ToImmutableSortedDictionary(
            baseline => baseline, baseline => Spread.Of(Images.Select(image => image.Baselines[baseline][name]))));
}
