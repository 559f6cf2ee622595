using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The classes whose rows of the head's weight gradient have the lowest minima, each once (Yin et al., 2021). Needs features that
/// are not negative and labels that do not repeat; where the batch has more images than there are classes, all are taken again.
/// </summary>
[Cites("yin2021see")]
public sealed record MinimumRow : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var minima = Enumerable.Range(0, head.Classes).Select(c => head.WeightGradient.AsSpan(c * head.Features, head.Features).ToArray().Min()).ToArray();
        var order = Enumerable.Range(0, head.Classes).OrderBy(c => minima[c]).ToArray();
        var counts = new int[head.Classes];
        for (var i = 0; i < head.Batch; i++)
            counts[order[i % order.Length]]++;
        return Counting.Of(context, counts, "The rows of the head's weight gradient with the lowest minima name the classes, each once.");
    }
}
