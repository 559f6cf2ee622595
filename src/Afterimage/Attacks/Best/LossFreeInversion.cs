using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The bias attack under a loss that is not cross-entropy: the ratio of weight and bias gradient of the first layer is the image whatever
/// was lowered, and the targets follow from the image.
/// </summary>
internal sealed record LossFreeInversion : Attack
{
    /// <inheritdoc/>
    public override string? Refusal(AttackContext context)
    {
        using var plain = Plain(context);
        return new LinearLayerInversion().Refusal(plain) ?? (IsBiased(context) ? null
            : "The first layer has no bias, and the head is read under cross-entropy alone: use gradient matching.");
    }

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        using var plain = Plain(run.Context);
        using var found = new LinearLayerInversion().Run(plain, cancellation: run.Stop);
        if (found.Outcome.Kind == OutcomeKind.Refused)
            throw new AfterimageException(found.Outcome.Advice);
        foreach (var note in found.Evidence)
            run.Note(note);
        var labels = HeadTargets.OfImages(run.Context, found.Images);
        foreach (var reason in labels.Reasons)
            run.Note(new Remark(reason));
        return new() { Images = found.Images.clone(), Labels = labels, Iterations = found.Iterations, Evaluations = found.Evaluations };
    }

    private static bool IsBiased(AttackContext context) =>
        context.Model.Network?.Layers.First(layer => layer is not (Flatten or Dropout)) is Linear { Bias: true };

    /// <summary>The same round as if cross-entropy had been lowered.</summary>
    private static AttackContext Plain(AttackContext context) => new()
    {
        Model = context.Model,
        Observation = context.Observation.Under(new CrossEntropy { Reduction = context.Observation.Training.Loss.Reduction }),
        Random = context.Random,
        OperatorChoice = context.OperatorChoice,
        Seconds = context.Seconds,
    };
}
