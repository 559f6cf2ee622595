using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>Reads the features of every image of a batch from the head's gradient, starting from those of plausible images.</summary>
internal static class BatchFeatures
{
    private const int Samples = 64;

    /// <summary>The head taken apart, under the first labels that fit: only true ones do.</summary>
    /// <param name="context">The round, in double precision.</param>
    /// <param name="statistics">Draws plausible images, whose features start the search.</param>
    /// <param name="labels">As recovered.</param>
    /// <returns>The labels that fit, and null where none do.</returns>
    public static (Labels Labels, HeadFactors? Head) Read(AttackContext context, GaussianImages statistics, Labels labels)
    {
        if (context.Observation.Training.Loss.HeadObstacle is not null || context.Model.Head is not (var weight, { } bias))
            return (labels, null);
        var update = context.Observation.Update;
        var features = HeadFactors.Single(update[weight], update[bias], context.Observation.BatchSize)
            ?? Plausible(context, statistics, labels, weight, bias);
        foreach (var candidate in labels.Plausible(context.Model.Classes))
            if (HeadFactors.Find(update[weight], update[bias], context.Model.Parameters[weight].detach(),
                context.Model.Parameters[bias].detach(), candidate.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device),
                features, context.Random) is { } head)
                return (candidate, head);
        return (labels, null);
    }

    /// <summary>Features of images drawn at random, [N,features].</summary>
    private static Tensor Plausible(AttackContext context, GaussianImages statistics, Labels labels, int weight, int bias)
    {
        using var generator = context.Random.Derive("features").Generator(context.Model.Device);
        var z = randn([Samples, context.Model.Input.Count], ScalarType.Float64, generator: generator);
        var draws = statistics.Synthesize(z) + statistics.Mean;
        var targets = labels.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device).narrow(0, 0, 1);
        return stack([.. Enumerable.Range(0, Samples).Select(i => Tidy.Keep(() =>
        {
            // The gradient of one image is d h', and d is the gradient of the bias.
            var gradient = context.Operator.At(new(draws.narrow(0, i, 1), targets)).Value;
            var error = gradient[bias];
            return error.unsqueeze(0).matmul(gradient[weight]).squeeze(0) / error.square().sum();
        }))]);
    }
}
