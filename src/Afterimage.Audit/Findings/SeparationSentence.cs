using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Audit.Findings;

/// <summary>Which layers take a batch apart by themselves, by counting, and what would stop it.</summary>
internal static class SeparationSentence
{
    /// <summary>A sentence, and the largest batch that any layer takes apart.</summary>
    /// <param name="model">The model.</param>
    /// <param name="mode">How the client runs it.</param>
    /// <param name="batch">Images of the batch.</param>
    public static (string Sentence, long Largest) Of(VictimModel model, ModelMode mode, int batch)
    {
        var layers = InversionPlan.Of(model, mode).Layers;
        if (layers.Count == 0 || layers.MaxBy(layer => layer.LargestBatch) is not { LargestBatch: > 1 } most)
            return ("By counting, no layer's weight gradient takes two images of a batch apart by itself.", 0);
        var enough = layers.Count(layer => layer.LargestBatch >= batch);
        var numbers = FormattableString.Invariant($"{most.Name} up to {most.LargestBatch:N0} images");
        return (enough == 0
            ? $"By counting, a batch of {batch} is too large for any layer's weight gradient to take it apart ({numbers})."
            : $"By counting, the weight gradients of {enough} {(enough == 1 ? "layer takes" : "layers take")} a batch of {batch} apart, " +
                $"whatever its labels ({numbers}): the features of every image come back exactly. A larger batch stops it, and so do " +
                "local steps that move the weights, for they count as further images; larger images or a stem with less stride, and " +
                "fewer channels, lower the count.", most.LargestBatch);
    }
}
