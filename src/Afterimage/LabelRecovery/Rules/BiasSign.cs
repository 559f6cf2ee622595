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
        var labels = present.Select(c => (Class: c, Confidence: 1.0)).ToList();
        while (labels.Count < batch)
        {
            var next = Array.IndexOf(entries, entries.Min());
            entries[next] += share;
            labels.Add((next, 0.5));
        }
        labels.Sort();
        var counts = new int[head.Classes];
        labels.ForEach(label => counts[label.Class]++);
        return new(labels.Select(label => label.Class).ToValueList(), labels.Select(label => label.Confidence).ToValueList())
        {
            Counts = Counting.Judged(context, counts),
            Reasons = [$"The head's bias gradient is negative at {present.Count} of {head.Classes} classes, which are in the batch for certain" +
                (present.Count < batch ? $"; {batch - present.Count} further labels were taken greedily." : ".")],
        };
    }
}
