using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Judging;

/// <summary>Compares what came back with the truth: after one-to-one matching, beside the baselines.</summary>
public static class Judge
{
    /// <summary>Matches reconstructed images with true ones and measures each pair.</summary>
    /// <param name="truth">The client's batch.</param>
    /// <param name="reconstructed">In the attack's order; as many images unless the attacker did not know how many.</param>
    /// <param name="labels">What the attack takes for their labels, in the same order.</param>
    /// <param name="baselines">References made of public images.</param>
    /// <param name="metrics">The standard ones when not given.</param>
    /// <param name="control">What the same attack made of an unrelated update, matched with the truth as well: a baseline; or null.</param>
    public static Judgment Compare(PrivateBatch truth, ImageBatch reconstructed, IReadOnlyList<int> labels, Baselines baselines,
        ImmutableArray<Metric> metrics = default, ImageBatch? control = null)
    {
        if (labels.Count != reconstructed.Count)
            throw new AfterimageException($"The attack returned {reconstructed.Count} images and {labels.Count} labels: " +
                "it must return one label for each image.");
        var chosen = metrics.IsDefault ? Metric.Standard : metrics;
        // An attacker that was not told the batch size may return fewer images or more; gray stands for what is missing.
        var count = Math.Max(truth.Count, reconstructed.Count);
        var seen = Padded(reconstructed, count);
        var match = Matching.Of(Padded(truth.Images, count), seen);
        var alone = control is null ? null : Padded(control, Math.Max(truth.Count, control.Count));
        var chance = alone is null ? [] : Matching.Of(Padded(truth.Images, alone.Count), alone);
        return new(
            [.. Enumerable.Range(0, truth.Count).Select(i => new JudgedImage(
                i,
                match[i] < labels.Count ? match[i] : JudgedImage.Missing,
                truth.Labels[i],
                match[i] < labels.Count ? labels[match[i]] : JudgedImage.Missing,
                chosen.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth.Images[i], seen[match[i]])),
                baselines.Measure(truth.Images[i], chosen, alone?[chance[i]])))],
            LabelAccuracy.Of(truth.Labels, labels));
    }

    private static ImageBatch Padded(ImageBatch images, int count) => images.Count == count ? images
        : new(images.Shape, images.Select(image => image.Pixels.ToArray()).Concat(Enumerable.Repeat(
            Enumerable.Repeat(0.5f, images.Shape.Count).ToArray(), count - images.Count)));
}

/// <summary>A true image and the reconstruction that was matched with it.</summary>
/// <param name="Index">The image's place in the client's batch.</param>
/// <param name="Reconstruction">The place of its reconstruction in the attack's batch.</param>
/// <param name="Metrics">Values by metric name.</param>
/// <param name="Baselines">Values by baseline name and metric name.</param>
public sealed record JudgedImage(int Index, int Reconstruction, int TrueLabel, int RecoveredLabel,
    ImmutableSortedDictionary<string, double> Metrics,
    ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Baselines)
{
    /// <summary>In place of a reconstruction and its label where an attack returned too few.</summary>
    public const int Missing = -1;
}

/// <summary>What a comparison with the truth found.</summary>
/// <param name="Images">In the order of the client's batch.</param>
/// <param name="LabelAccuracy">The fraction of labels that are right, as a multiset.</param>
public sealed record Judgment(ValueList<JudgedImage> Images, double LabelAccuracy)
{
    /// <summary>For each metric by name, its spread over the images.</summary>
    public ImmutableSortedDictionary<string, Spread> Metrics =>
        Images[0].Metrics.Keys.ToImmutableSortedDictionary(name => name, name => Spread.Of(Images.Select(image => image.Metrics[name])));

    /// <summary>For each metric by name and each baseline by name, the spread over the images.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>> Baselines =>
        Images[0].Metrics.Keys.ToImmutableSortedDictionary(name => name, name => Images[0].Baselines.Keys.ToImmutableSortedDictionary(
            baseline => baseline, baseline => Spread.Of(Images.Select(image => image.Baselines[baseline][name]))));
}
