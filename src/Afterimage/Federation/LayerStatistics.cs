using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Mean and variance of every channel in front of every BatchNorm layer, by the layer's name. Variances of a batch are those of its
/// numbers (divided by n); running variances are as PyTorch keeps them (divided by n - 1).
/// </summary>
public sealed class LayerStatistics(IReadOnlyDictionary<string, (Tensor Mean, Tensor Variance)> layers) : IDisposable
{
    /// <summary>Ends the names of running means, as PyTorch writes them.</summary>
    public const string MeanSuffix = ".running_mean";
    /// <summary>Ends the names of running variances.</summary>
    public const string VarianceSuffix = ".running_var";

    /// <summary>One layer's mean and variance, [C] each.</summary>
    /// <exception cref="AfterimageException">The layer is not among them.</exception>
    public (Tensor Mean, Tensor Variance) this[string layer] => layers.TryGetValue(layer, out var found) ? found
        : throw new AfterimageException($"There are no statistics of the BatchNorm layer {layer}: give those of every layer.");

    /// <summary>The BatchNorm layers.</summary>
    public IEnumerable<string> Names => layers.Keys;

    /// <summary>The shared model's own, before the round; they stay the model's.</summary>
    public static LayerStatistics Running(VictimModel model) => new(model.Buffers.Keys
        .Where(name => name.EndsWith(MeanSuffix, StringComparison.Ordinal)).Select(name => name[..^MeanSuffix.Length])
        .ToDictionary(layer => layer, layer => (model.Buffers[layer + MeanSuffix], model.Buffers[layer + VarianceSuffix])));

    /// <summary>Of what the layers saw in one pass.</summary>
    public static LayerStatistics Of(Trace trace) => new(trace.Normalized.ToDictionary(seen => seen.Layer.Name,
        seen => (seen.Input.detach().mean([0, 2, 3]), seen.Input.detach().var([0, 2, 3], unbiased: false))));

    /// <summary>
    /// The batch's statistics, if these are the running ones after the round: with momentum m each local step moves them by
    /// new = (1 - m) old + m batch. Of several steps the weighted mean of their batches comes back.
    /// </summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">Images of the client.</param>
    /// <param name="training">How many steps it makes on how many images.</param>
    /// <param name="momentum">In place of the layers' own; 1 says that the last step alone is kept.</param>
    public LayerStatistics Inferred(VictimModel model, int batch, LocalTraining training, double? momentum = null)
    {
        var network = model.Network
            ?? throw new AfterimageException("BatchNorm statistics are inferred through a model of known layers; this one is a script.");
        var (steps, images) = training switch
        {
            FedSgd => (1, batch),
            FedAvg average => (average.Epochs * ((batch + average.BatchSize - 1) / average.BatchSize), Math.Min(batch, average.BatchSize)),
            _ => throw new AfterimageException("Running BatchNorm statistics tell those of a batch for one gradient or federated " +
                "averaging with known settings; this client trains otherwise, so use the running statistics before the round."),
        };
        return new(Places(network).ToDictionary(place => place.Layer.Name, place =>
        {
            var (mean, variance) = this[place.Layer.Name];
            var kept = Math.Pow(1 - (momentum ?? place.Layer.Momentum), steps);
            var count = (double)images * place.Pixels;
            Tensor Moved(string suffix, Tensor after) => (after - model.Buffers[place.Layer.Name + suffix] * kept) / (1 - kept);
            return (Moved(MeanSuffix, mean), (Moved(VarianceSuffix, variance) * ((count - 1) / count)).clamp_min(0));
        }));
    }

    /// <summary>These running statistics after one more training step on a batch with the statistics <paramref name="seen"/>.</summary>
    /// <param name="seen">Of the batch, divided by n.</param>
    /// <param name="network">Whose layers.</param>
    /// <param name="images">Images in the batch.</param>
    public LayerStatistics After(LayerStatistics seen, Network network, int images) =>
        new(Places(network).ToDictionary(place => place.Layer.Name, place =>
        {
            var (before, batch, momentum) = (this[place.Layer.Name], seen[place.Layer.Name], place.Layer.Momentum);
            var count = (double)images * place.Pixels;
            return (before.Mean * (1 - momentum) + batch.Mean * momentum,
                before.Variance * (1 - momentum) + batch.Variance * (momentum * count / (count - 1)));
        }));

    /// <summary>These statistics plus a model's running ones, if these are how much the round moved them.</summary>
    public LayerStatistics AddedTo(VictimModel model) => new(layers.ToDictionary(pair => pair.Key, pair =>
        (pair.Value.Mean + model.Buffers[pair.Key + MeanSuffix], pair.Value.Variance + model.Buffers[pair.Key + VarianceSuffix])));

    /// <summary>A copy in another precision or on another device; the caller owns it.</summary>
    public LayerStatistics To(ScalarType type, Device device)
    {
        Tensor Copy(Tensor values) => values.to(type, device, copy: true);
        return new(layers.ToDictionary(pair => pair.Key, pair => (Copy(pair.Value.Mean), Copy(pair.Value.Variance))));
    }

    /// <summary>Takes the numbers out of the current scope: the caller owns them from now on.</summary>
    public LayerStatistics Detach()
    {
        foreach (var (mean, variance) in layers.Values)
            (_, _) = (mean.DetachFromDisposeScope(), variance.DetachFromDisposeScope());
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (mean, variance) in layers.Values)
        {
            mean.Dispose();
            variance.Dispose();
        }
    }

    /// <summary>Every BatchNorm layer with the pixels of one image in front of it.</summary>
    private static List<(BatchNorm2d Layer, long Pixels)> Places(Network network)
    {
        var places = new List<(BatchNorm2d, long)>();
        Walk(network.Layers, [network.Input.Channels, network.Input.Height, network.Input.Width], places);
        return places;
    }

    private static void Walk(ValueList<Layer> layers, long[] shape, List<(BatchNorm2d, long)> places)
    {
        foreach (var layer in layers)
        {
            if (layer is BatchNorm2d norm)
                places.Add((norm, shape[1] * shape[2]));
            foreach (var branch in layer.Branches)
                Walk(branch, shape, places);
            shape = layer.Follow(shape);
        }
    }
}
