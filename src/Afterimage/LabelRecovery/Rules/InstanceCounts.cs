using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// How often each class occurs, from the head's gradients (iLRG; Ma et al., 2023): a row of the weight gradient over its bias entry
/// is a mean feature of that class, the head turns it into probabilities P, and the counts n solve (P' - 1) n = B g with sum B,
/// where g is the bias gradient. Repeats are counted. Classes with a negative bias entry are in the batch for certain. For a head
/// without a bias, g is the weight gradient along the mean feature of dummy images, which gives each row its scale.
/// </summary>
[Cites("ma2023instance")]
public sealed record InstanceCounts : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var signal = head.HasBias ? head.Bias("instance-counts") : head.Signal(new HeadImages(head, DummyHead.Of(context)).Along);
        var certain = Enumerable.Range(0, signal.Length).Where(c => signal[c] < 0).OrderBy(c => signal[c]).Take(head.Batch).ToArray();
        var counts = certain.Length == head.Batch ? new double[signal.Length] : Solve(head, signal);
        return Counting.Of(context, Counting.Round([.. counts.Select(count => double.IsFinite(count) ? count : 0)], certain, head.Batch),
            "The mean feature of each class, a row of the head's weight gradient over its bias entry, gives its probabilities, " +
            "and these the counts.");
    }

    private static double[] Solve(HeadEvidence head, double[] signal) => Counting.Explaining(
        [.. Enumerable.Range(0, head.Classes).SelectMany(j =>
        {
            // A class whose entry vanishes has no mean feature; uniform probabilities leave it to the other equations.
            var row = head.WeightGradient.AsSpan(j * head.Features, head.Features).ToArray();
            var logits = head.Logits([.. row.Select(value => value / signal[j])]);
            return Softmax.Of(logits.All(double.IsFinite) ? logits : new double[head.Classes]);
        })], signal, head.Batch);
}
