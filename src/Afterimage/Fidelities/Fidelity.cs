using Afterimage.Federation;

namespace Afterimage.Fidelities;

/// <summary>How far a predicted update is from the observed one.</summary>
public abstract record Fidelity
{
    /// <summary>The weight of each parameter tensor.</summary>
    public LayerWeighting Layers { get; init; } = LayerWeighting.Equal;

    /// <summary>Prepares the comparison with one observed update; zero where the prediction equals it.</summary>
    /// <param name="observed">The update that the server received.</param>
    /// <param name="channel">The client's defense where it is known; entries that it removed are not compared. Null compares all.</param>
    public Misfit Against(GradientSet observed, Channel? channel = null) =>
        Bind(observed, Masked(Weights(observed), channel?.Mask(observed)));

    /// <summary>The comparison with one observed update, with a weight for every number, or null where all are 1.</summary>
    private protected abstract Misfit Bind(GradientSet observed, Tensor? weights);

    private static Tensor? Masked(Tensor? weights, Tensor? mask) => weights is null ? mask : mask is null ? weights : weights * mask;

    private Tensor? Weights(GradientSet observed)
    {
        if (Layers == LayerWeighting.Equal)
            return null;
        var entries = observed.Layout.Entries;
        var weights = empty_like(observed.Flat);
        for (var i = 0; i < entries.Count; i++)
            weights.narrow(0, entries[i].Offset, entries[i].Count).fill_(Layers switch
            {
                LayerWeighting.InverseRms => InverseMeanSquare(observed, entries[i]),
                LayerWeighting.InverseRootRms => Math.Sqrt(InverseMeanSquare(observed, entries[i])),
                LayerWeighting.Linear => (double)(entries.Count - i) / entries.Count,
                _ => Math.Pow(0.5, i),
            });
        return weights;
    }

    // A tensor without any update, such as a dead layer's, has weight zero.
    private static double InverseMeanSquare(GradientSet observed, TensorLayout.Entry entry)
    {
        var mean = observed.Flat.narrow(0, entry.Offset, entry.Count).square().mean().ToDouble();
        return mean > 0 ? 1 / (mean * entry.Count) : 0;
    }
}

/// <summary>A fidelity bound to the observed update.</summary>
public abstract class Misfit
{
    /// <summary>Called before each step of the search; a fidelity that varies with the step changes here.</summary>
    public virtual void Begin(int step) { }

    /// <summary>The value at a predicted update and its derivative with respect to that update.</summary>
    public abstract (double Value, GradientSet Gradient) Evaluate(GradientSet predicted);
}
