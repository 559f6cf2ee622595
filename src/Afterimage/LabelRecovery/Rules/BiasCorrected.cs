using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Every class with a negative bias entry once, then always the most negative entry, each label taken away from its entry at the
/// mean impact of the negative ones: the greedy counting of Wainakh et al. (2022) on the bias, as the authors of Geiping et al. (2020)
/// do it in later code.
/// </summary>
[Cites("wainakh2022user", "geiping2020inverting")]
public sealed record BiasCorrected : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var entries = head.Bias("bias-corrected");
        var impact = entries.Where(entry => entry < 0).Sum() / head.Batch;
        return Counting.Of(context, Counting.Greedy(entries, impact, head.Batch),
            "The head's bias entries were counted greedily, each label worth the mean of the negative entries.");
    }
}
