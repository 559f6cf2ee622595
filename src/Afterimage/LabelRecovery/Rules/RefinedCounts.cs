using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The counts that the attacker's own simulation of the head explains best. From the counts that mean predictions of dummy images
/// give (as Ma et al., 2023), it alternates between features of the classes and their probabilities, searches among swaps of single
/// labels by the residual of the head's update, and draws swaps to say how probable every count is. Several local steps are
/// simulated step by step (as Chen and Vikalo, 2024). A trained model's counts follow from the errors that it makes between classes,
/// which neural collapse makes visible (Papyan, Han and Donoho, 2020). Where the batch is smaller than the number of classes, uncertain
/// labels are settled by taking the head's gradient apart, which also gives the features of every image.
/// </summary>
[Cites("ma2023instance", "chen2024recovering", "papyan2020prevalence")]
public sealed record RefinedCounts : LabelRule
{
    /// <summary>Whether the head's gradient is taken apart where it can be, up to <see cref="LargestSplit"/> images.</summary>
    public bool Split { get; init; } = true;

    /// <summary>Images up to which it is tried; the work grows with the sixth power.</summary>
    [Range(0, 65_536)]
    public int LargestSplit { get; init; } = 8;

    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        if (context.Observation.Training.Loss.HeadObstacle is not null && HeadTargets.OfOne(context) is { } targets)
            return targets;
        var posterior = CountPosterior.Of(context);
        var labels = Counting.Of(context, posterior.Best);
        return Split && context.Observation.BatchSize <= LargestSplit && posterior.IsInformed ? HeadSplit.Settle(context, labels) : labels;
    }
}
