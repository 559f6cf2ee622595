using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The row of the head's weight gradient with the most negative sum is the label of a single image (Zhao, Mopuri and
/// Bilen, 2020). Exact at batch size 1 when the head's inputs are not negative.
/// </summary>
[Cites("zhao2020idlg")]
public sealed record Idlg : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        if (context.Observation.BatchSize != 1)
            throw new AfterimageException($"The iDLG rule reads one label, but the batch has {context.Observation.BatchSize} images: " +
                "use \"refined-counts\", \"bias-sign\" or \"joint\".");
        var head = HeadEvidence.Of(context);
        var sums = head.RowSums();
        var label = Array.IndexOf(sums, sums.Min());
        var certain = head.Contradiction is null && sums.Count(sum => sum < 0) == 1;
        return Counting.One(head, label, certain ? 1 : head.IsZero ? 1.0 / head.Classes : 0.5, certain
            ? "One row of the head's weight gradient has a negative sum, as of a single image whose features are not negative."
            : "Not exactly one row of the head's weight gradient has a negative sum, so the most negative one is a guess.");
    }
}
