using System.Collections.Immutable;
using Afterimage.Audit.Clients;
using Afterimage.Models;

namespace Afterimage.Audit.Judging;

/// <summary>The metrics of one round: the standard ones, and those that its images and its model allow.</summary>
public static class MetricSet
{
    /// <summary>Names of all metrics that a round may have, for conditions that are read before it is opened.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        .. Metric.Standard.Select(metric => metric.Name),
        RegisteredPsnr.Key, MultiScaleSimilarity.Key, FeatureDistance.Key, SqueezeDistance.Key, Identification.Key,
    ];

    /// <summary>What is measured of a round.</summary>
    /// <param name="model">The attacked model; it must live as long as the metrics are used.</param>
    /// <param name="pool">Among whom an image is identified.</param>
    /// <param name="trunk">The weights of the perceptual distance; null leaves it out.</param>
    public static ImmutableArray<Metric> Of(VictimModel model, ImageBatch pool, SqueezeTrunk? trunk = null) =>
    [
        .. Metric.Standard,
        new RegisteredPsnr(),
        .. MultiScaleSimilarity.Scales(model.Input) > 1 ? (Metric[])[new MultiScaleSimilarity(model.Input)] : [],
        .. FeatureSpace.Head(model) is { } space ? (Metric[])[new FeatureDistance(space)] : [],
        .. trunk is not null && Missing(model) is null ? (Metric[])[new SqueezeDistance(trunk.Space())] : [],
        new Identification(pool),
    ];

    /// <summary>Why images of a model have no perceptual distance although its weights were given; null where they have one.</summary>
    public static string? Missing(VictimModel model) => model.Input.Channels is not (1 or 3)
        ? $"The perceptual distance is left out: it reads images of 1 or 3 channels, and these have {model.Input.Channels}."
        : Math.Min(model.Input.Height, model.Input.Width) < SqueezeTrunk.LeastSide
            ? $"The perceptual distance is left out: it needs {SqueezeTrunk.LeastSide} pixels a side, and these images are {model.Input}."
            : null;
}
