using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// What needs no gradient at all: the gray image, the mean of public images, and the best of some public images. A figure
/// of an attack means something only beside these.
/// </summary>
public sealed class Baselines
{
    /// <summary>Key of the gray image in reports.</summary>
    public const string Gray = "gray image";
    /// <summary>Key of the mean of the public images in reports.</summary>
    public const string Mean = "mean of the public images";


    /// <summary>Key of what a trained prior makes of an unrelated update in reports.</summary>
    public const string Prior = "the prior alone";

    private readonly ImageShape shape;
    private readonly Image gray;
    private readonly Image? mean;
    private readonly ImmutableArray<Image> candidates;

    /// <summary>Chooses public images by the seed.</summary>
    /// <param name="publicImages">Images that anyone may know, never of the private batch's own draw; may be empty.</param>
    /// <param name="random">Chooses the candidates; the same source chooses the same.</param>
    /// <param name="count">How many candidates to choose; all of them where there are fewer.</param>
    public Baselines(ImageBatch publicImages, RandomSource random, int count = 100)
    {
        shape = publicImages.Shape;
        gray = new(shape, [.. Enumerable.Repeat(0.5f, shape.Count)]);
        mean = publicImages.Count == 0 ? null : Average(publicImages);
        var order = Enumerable.Range(0, publicImages.Count).ToArray();
        random.Derive("baselines").Managed().Shuffle(order);
        candidates = [.. order.Take(count).Select(index => publicImages[index])];
    }

    /// <summary>The name of the strongest baseline, with the number of candidates; null without public images.</summary>
    public string? Best => candidates.IsEmpty ? null : $"best of {candidates.Length} public images";

    /// <summary>
    /// Every metric of every baseline for one true image, by baseline and metric. The best public image is chosen by the
    /// metric itself with the truth in hand, separately for each metric: more than any attacker could do, so a
    /// reconstruction that beats it knows something of this very image.
    /// </summary>
    /// <param name="truth">The true image.</param>
    /// <param name="metrics">What is measured.</param>
    /// <param name="control">What the same attack made of an unrelated update; or null.</param>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Measure(
        Image truth, IReadOnlyList<Metric> metrics, Image? control = null)
    {
        if (truth.Shape != shape)
            throw new AfterimageException(
                $"The public images have shape {shape} and the private ones {truth.Shape}: give public images of the same shape.");
        var found = ImmutableSortedDictionary.CreateBuilder<string, ImmutableSortedDictionary<string, double>>();
        found[Gray] = metrics.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth, gray));
        if (control is not null)
            found[Prior] = metrics.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth, control));
        if (mean is not null && Best is not null)
        {
            found[Mean] = metrics.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth, mean));
            found[Best] = metrics.ToImmutableSortedDictionary(metric => metric.Name,
                metric => candidates.Select(candidate => metric.Measure(truth, candidate)).Aggregate(metric.Better));
        }
        return found.ToImmutable();
    }

    private static Image Average(ImageBatch images)
    {
        var sums = new double[images.Shape.Count];
        foreach (var image in images)
            for (var i = 0; i < sums.Length; i++)
                sums[i] += image.Pixels[i];
        return new(images.Shape, [.. sums.Select(sum => (float)(sum / images.Count))]);
    }
}
