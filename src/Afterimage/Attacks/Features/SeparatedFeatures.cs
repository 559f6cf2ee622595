using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>What one layer took in of every image of a batch, read from the update without a search.</summary>
/// <param name="Before">The layers that make it of images.</param>
/// <param name="Wanted">[N,features]; in train mode up to one common factor.</param>
/// <param name="Labels">One for each image; null where they are not known image by image.</param>
/// <param name="Where">The layer, for people.</param>
internal sealed record SeparatedFeatures(ValueList<Layer> Before, Tensor Wanted, Labels? Labels, string Where)
{
    /// <summary>Why no layer separates the batch, as far as counts tell; null where one may.</summary>
    public static string? Obstacle(AttackContext context) =>
        context.Model.Network is null ? "Features need a network of known layers: use gradient matching."
        : LayerChain.Unreadable(context.Observation) ?? (ResidualBatch.Reads(context) || Separating(context).Any() ? null
            : HiddenLinearBatch.Obstacle(context));

    /// <summary>Those nearest to the image that are known exactly for the whole batch.</summary>
    /// <exception cref="AfterimageException">No layer separates the batch.</exception>
    public static SeparatedFeatures Of(AttackRun run)
    {
        if (ResidualBatch.Reads(run.Context) && Residual(run) is { } deep)
            return deep;
        foreach (var front in Separating(run.Context))
            if (Separated(run, front) is { } found)
                return found;
        return HiddenLinearBatch.Obstacle(run.Context) is { } obstacle ? throw new AfterimageException(obstacle) : Hidden(run);
    }

    /// <summary>Convolutions that take batches of this size apart, those with the most features first.</summary>
    private static IEnumerable<FeatureFront> Separating(AttackContext context)
    {
        var train = context.Observation.Training.Mode == ModelMode.Train;
        return context.Observation.Training is not FedSgd ? [] : FeatureFront.All(context.Model.Network!).Where(front =>
            front is { IsRectified: true, Layer: Conv2d }
            && SeparableBatch.Largest(front.Layer, front.Input, train && front.IsNormalized) >= context.Observation.BatchSize)
            .OrderByDescending(front => front.Count);
    }

    /// <summary>By the units of a residual network, as far down as they are solved for.</summary>
    private static SeparatedFeatures? Residual(AttackRun run)
    {
        var chain = RectifiedChain.Of(run.Context, joint: true);
        var layers = new JointDescent(run.Context, chain, run.Note, run.Stop);
        layers.Run();
        if (layers.Features is not { } features || layers.Depth == chain.Pieces.Count)
            return null;
        var all = run.Context.Model.Network!.Layers;
        var units = chain.Pieces.Take(layers.Depth).Count(piece => piece is ResidualUnit);
        // The next unit takes in what leaves the ReLU behind the one before, or behind the stem.
        var places = Enumerable.Range(0, all.Count).Where(place => all[place] is Models.Residual).ToList();
        return new([.. all.Take(places[units])], features.flatten(1),
            new(layers.Labels.ToValueList(), layers.Labels.Select(_ => 1.0).ToValueList()), $"the input of residual unit {units + 1}");
    }

    private static SeparatedFeatures? Separated(AttackRun run, FeatureFront front)
    {
        var (context, conv) = (run.Context, (Conv2d)front.Layer);
        var batch = context.Observation.BatchSize;
        using var gradient = context.Observation.ApproximateGradient();
        var layer = new BatchLayer(conv, front.Input, gradient[gradient.Layout.IndexOf(conv.Name + ".weight")].to(ScalarType.Float64).cpu(),
            front.IsNormalized && context.Observation.Training.Mode == ModelMode.Train)
        {
            Sums = conv.Bias ? gradient[gradient.Layout.IndexOf(conv.Name + ".bias")].to(ScalarType.Float64).cpu() : null,
        };
        if (layer.Obstacle(batch) is not null
            || BlindBatch.Of(layer, batch, context.Random.Derive(conv.Name), run.Stop) is not { } blind)
            return null;
        run.Note(blind.Evidence);
        return blind.Evidence.Separated == batch ? new(front.Before, blind.Inputs.Rows, null, $"the input of {conv.Name}") : null;
    }

    /// <summary>By the linear layers at the end.</summary>
    private static SeparatedFeatures Hidden(AttackRun run)
    {
        var found = new HiddenLinearBatch(run, new()).Inputs();
        var images = Enumerable.Range(0, found.Times.Length).SelectMany(n => Enumerable.Repeat((long)n, found.Times[n])).ToArray();
        if (images.Length < run.Context.Observation.BatchSize)
            throw new AfterimageException($"{images.Length} of {run.Context.Observation.BatchSize} images were separated, and features " +
                "are compared for whole batches: use \"batch-separation\".");
        var all = run.Context.Model.Network!.Layers;
        return new([.. all.TakeWhile(layer => layer is not Linear)], found.Inputs.index_select(0, tensor(images)),
            new([.. images.Select(n => found.Labels.Classes[(int)n])], [.. images.Select(n => found.Labels.Confidence[(int)n])]),
            $"the input of {all.OfType<Linear>().First().Name}");
    }
}
