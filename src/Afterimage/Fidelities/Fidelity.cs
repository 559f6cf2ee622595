using Afterimage.Federation;

namespace Afterimage.Fidelities;

/// <summary>How far a predicted update is from the observed one.</summary>
public abstract record Fidelity
{
    /// <summary>The weight of each parameter tensor.</summary>
    public LayerWeighting Layers { get; init; } = LayerWeighting.Equal;

    /// <summary>Prepares the comparison with one observed update; zero where the prediction equals it.</summary>
    /// <param name="observed">The update that the server received.</param>
    /// <param name="channel">
    /// The client's defense where it is known: entries that it removed are not compared, and tensors are weighed by its noise. Null
    /// compares all alike.
    /// </param>
    public Misfit Against(GradientSet observed, Channel? channel = null) =>
        Bind(observed, Masked(Masked(Weights(observed), Precision(observed, channel)), channel?.Mask(observed)));

    /// <summary>The comparison with one observed update, with a weight for every number, or null where all are 1.</summary>
    private protected abstract Misfit Bind(GradientSet observed, Tensor? weights);

    private static Tensor? Masked(Tensor? weights, Tensor? mask) => weights is null ? mask : mask is null ? weights : weights * mask;

    /// <summary>
    /// The inverse variance of the channel's noise where it differs from tensor to tensor, with mean 1 over all numbers; a hundredth of the
    /// mean variance is added to each, for a tensor without noise is still no exact equation of a search that has not ended. Null where
    /// the layers have weights of their own, or where all numbers carry the same noise.
    /// </summary>
    private Tensor? Precision(GradientSet observed, Channel? channel)
    {
        if (channel is null || (channel.Effects & ChannelEffects.Noise) == 0 || Layers != LayerWeighting.Equal)
            return null;
        var entries = observed.Layout.Entries;
        var variances = entries.Select((_, i) => Math.Pow(channel.Deviation(observed, i), 2)).ToArray();
        var mean = variances.Zip(entries, (variance, entry) => variance * entry.Count).Sum() / observed.Layout.Count;
        if (!(mean > 0) || variances.All(variance => Math.Abs(variance - mean) < 1e-6 * mean))
            return null;
        var inverse = variances.Select(variance => 1 / (variance + 0.01 * mean)).ToArray();
        var size = inverse.Zip(entries, (one, entry) => one * entry.Count).Sum() / observed.Layout.Count;
        var weights = empty_like(observed.Flat);
        for (var i = 0; i < entries.Count; i++)
            weights.narrow(0, entries[i].Offset, entries[i].Count).fill_(inverse[i] / size);
        return weights;
    }

    private Tensor? Weights(GradientSet observed)
    {
        if (Layers == LayerWeighting.Equal)
            return null;
        var entries = observed.Layout.Entries;
        var weights = empty_like(observed.Flat);
        var means = entries.Select(entry => observed.Flat.narrow(0, entry.Offset, entry.Count).square().mean().ToDouble()).ToArray();
        double InverseMeanSquare(int i) => means[i] > Rounding(observed) * means.Max() ? 1 / (means[i] * entries[i].Count) : 0;
        for (var i = 0; i < entries.Count; i++)
            weights.narrow(0, entries[i].Offset, entries[i].Count).fill_(Layers switch
            {
                LayerWeighting.InverseRms => InverseMeanSquare(i),
                LayerWeighting.InverseRootRms => Math.Sqrt(InverseMeanSquare(i)),
                LayerWeighting.Linear => (double)(entries.Count - i) / entries.Count,
                _ => Math.Pow(0.5, i),
            });
        return weights;
    }

    /// <summary>
    /// The mean square, relative to the largest of all tensors, below which a tensor holds no update but rounding: a dead layer's, or the
    /// bias of a convolution in front of BatchNorm in train mode. Its weight is zero.
    /// </summary>
    private static double Rounding(GradientSet observed) =>
        Math.Pow(16 * (observed.Flat.dtype == ScalarType.Float64 ? double.BitIncrement(1) - 1 : float.BitIncrement(1) - 1), 2);
}

/// <summary>A fidelity bound to the observed update.</summary>
public abstract class Misfit
{
    /// <summary>Called before each step of the search; a fidelity that varies with the step changes here.</summary>
    public virtual void Begin(int step) { }

    /// <summary>The value at a predicted update and its derivative with respect to that update.</summary>
    public abstract (double Value, GradientSet Gradient) Evaluate(GradientSet predicted);
}
