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
    public override Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
    {
        using var scope = Tidy.Scope();
        using var own = context.To(ScalarType.Float64);
        if (LayerChain.Of(own, out var missing) is not { } chain)
            return Verdict.Refused(context, missing);
        if (Obstacle(context, chain) is { } obstacle)
            return Verdict.Refused(context, obstacle);
        // All readings of the head descend side by side; a wrong one betrays itself by what its equations leave.
        var descents = HeadReading.Of(chain.Head).Select(reading => new Descent(chain, reading, context.Random)).ToList();
        for (var i = chain.Stages.Count - 1; i >= 0 && descents.Count > 0; i--)
        {
            if (cancellation.IsCancellationRequested)
                return Verdict.Canceled(context, descents[0].Notes.ToValueList());
            descents.ForEach(descent => descent.Pass(i));
            descents.RemoveAll(descent => !double.IsFinite(descent.Residual));
            descents.RemoveAll(descent => descent.Residual > 10 * descents.Min(other => other.Residual) + 1e-6);
        }
        if (descents.Count == 0)
            return Verdict.Refused(context, "The gradient of the head fits no single image, or no gradient reaches a layer: " +
                "check that the batch has one image and that the loss is the cross-entropy.");
        var best = descents.MinBy(descent => descent.Residual)!;
        return Verdict.Found(own, chain.Images(best.Input), new([best.Label], [1]), best.Notes.Count, best.Notes.ToValueList());
    }

    private static string? Obstacle(AttackContext context, LayerChain chain)
    {
        if (context.Observation.BatchSize != 1)
            return $"The recursion needs batch size 1, but the batch has {context.Observation.BatchSize} images: " +
                "use \"relu-batch-inversion\" or gradient matching.";
        foreach (var stage in chain.Stages)
            switch (stage.Layer)
            {
                case Linear or Flatten:
                case Conv2d { Groups: 1 } when stage.Unknowns <= InputSystem.LargestUnknowns:
                case Activation activation when new Elementwise(activation).CanBeRead:
                    continue;
                case Conv2d { Groups: 1, Name: var name }:
                    return $"{name} has {stage.Unknowns} inputs, more than the {InputSystem.LargestUnknowns} that can be solved for: " +
                        "use gradient matching.";
                default:
                    return $"The recursion cannot read {stage.Layer} backwards: use gradient matching.";
            }
        return null;
    }
}
