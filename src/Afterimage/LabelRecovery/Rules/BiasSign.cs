using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// A class whose entry in the head's bias gradient is negative is in the batch, for the entry is the mean of p - 1 over
/// its images and p over the others (as for the weights in Wainakh et al., 2022). With as many negative entries as images
/// the labels are certain; otherwise the missing ones are taken greedily, which favors repeats and can miss a class that
/// the model finds likely for the whole batch.
/// </summary>
[Cites("wainakh2022user")]
public sealed record BiasSign : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var entries = (double[])head.Bias("bias-sign").Clone();
        var (batch, share) = (head.Batch, 1.0 / head.Batch);
        var present = Enumerable.Range(0, entries.Length).Where(c => entries[c] < 0).OrderBy(c => entries[c]).Take(batch).ToList();
        foreach (var c in present)
            entries[c] += share;
        var counts = new int[head.Classes];
        present.ForEach(c => counts[c]++);
        for (var taken = present.Count; taken < batch; taken++)
        {
            var next = Array.IndexOf(entries, entries.Min());
            entries[next] += share;
            counts[next]++;
        }
        return head.Contradiction is not null ? Counting.Of(context, counts) : Counting.Of(context, counts,
            $"The head's bias gradient is negative at {present.Count} of {head.Classes} classes, which are in the batch" +
            $"{(present.Count < batch ? $"; {batch - present.Count} further labels were taken greedily." : ".")}");
    }
}
