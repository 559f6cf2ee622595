using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// R-GAP: Zhu and Blaschko, "R-GAP: recursive gradient attack on privacy", ICLR 2021. A single image, layer by layer from the head:
/// each layer's input solves its weight and gradient constraints as least squares, weighted by what each is worth. Networks of
/// linear and convolution layers and activations that can be read backwards; labels come from the head.
/// </summary>
[Cites("zhu2021rgap")]
public sealed record RecursiveInversion : Attack
{
    /// <inheritdoc/>
    public override string Equation => "W x = z and K x = dL/dW for every layer, from the head down, as weighted least squares";

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => LayerChain.Obstacle(context)
        ?? (context.Observation.BatchSize == 1 ? Unreadable(context.Model.Network!)
            : $"The recursion needs batch size 1, but the batch has {context.Observation.BatchSize} images: " +
                "use \"relu-batch-inversion\" or gradient matching.");

    /// <inheritdoc/>
    protected override bool InDouble => true;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run) => Descend(run);

    /// <summary>From the head to the image, where <see cref="Refusal"/> finds nothing against it.</summary>
    internal static SearchResult Descend(AttackRun run)
    {
        var chain = LayerChain.Of(run.Context);
        // All readings of the head descend side by side; a wrong one betrays itself by what its equations leave.
        var descents = HeadReading.Of(chain.Head).Select(reading => new Descent(chain, reading, run.Context.Random)).ToList();
        for (var i = chain.Stages.Count - 1; i >= 0 && descents.Count > 0; i--)
        {
            run.Stop.ThrowIfCancellationRequested();
            descents.ForEach(descent => descent.Pass(i));
            descents.RemoveAll(descent => !double.IsFinite(descent.Residual));
            descents.RemoveAll(descent => descent.Residual > 10 * descents.Min(other => other.Residual) + 1e-6);
        }
        if (descents.Count == 0)
            throw new AfterimageException("The gradient of the head fits no single image, or no gradient reaches a layer: " +
                "check that the batch has one image and that the loss is the cross-entropy.");
        var best = descents.MinBy(descent => descent.Residual)!;
        foreach (var layer in best.Layers)
            run.Note(layer);
        var (images, labels) = (chain.Images(best.Input), new Labels([best.Label], [1]));
        return new() { Images = images, Labels = labels, Iterations = best.Layers.Count, Evaluations = 1 };
    }

    internal static string? Unreadable(Network network)
    {
        long[] shape = [network.Input.Channels, network.Input.Height, network.Input.Width];
        foreach (var layer in network.Layers)
        {
            var unknowns = shape.Aggregate(1L, (product, size) => product * size);
            shape = layer.Follow(shape);
            switch (layer)
            {
                case Linear or Flatten or Dropout:
                case Conv2d { Groups: 1 } when unknowns <= InputSystem.LargestUnknowns:
                case Activation activation when new Elementwise(activation).CanBeRead:
                    continue;
                case Conv2d { Groups: 1, Name: var name }:
                    return $"{name} has {unknowns} inputs, more than the {InputSystem.LargestUnknowns} that can be solved for: " +
                        "use gradient matching.";
                default:
                    return $"The recursion cannot read {layer} backwards: use gradient matching.";
            }
        }
        return null;
    }
}
