using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Label leakage from gradients, LLG (Wainakh et al., 2022): the sum of a row of the head's weight gradient falls by about one
/// impact for every image of its class. Classes with negative sums once, then always the most negative sum. With
/// <see cref="Dummy"/> it is LLG*: impact and offsets come from procedural images that are passed through the model.
/// </summary>
[Cites("wainakh2022user")]
public sealed record RowSums : LabelRule
{
    /// <summary>Whether impact and offsets are measured on dummy images (LLG*) rather than guessed from the sums (LLG).</summary>
    public bool Dummy { get; init; }

    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var sums = head.RowSums();
        if (!Dummy)
            return Counting.Of(context, Counting.Greedy(sums, (1 + 1.0 / head.Classes) / head.Batch * sums.Where(sum => sum < 0).Sum(), head.Batch),
                "The row sums of the head's weight gradient were counted greedily, each label worth the impact that the negative sums have.");
        var dummy = DummyHead.Of(context);
        var (impact, offsets) = Measure(head, dummy);
        var cleared = sums.Select((sum, c) => sum - offsets[c]).ToArray();
        return Counting.Of(context, Counting.Greedy(cleared, impact / head.Batch, head.Batch, sums),
            "The row sums of the head's weight gradient were counted greedily, with impact and offsets of dummy images.");
    }

    /// <summary>The mean row sum at the label of a dummy image less what the row holds anyway, and what it holds for other labels.</summary>
    private static (double Impact, double[] Offsets) Measure(HeadEvidence head, DummyHead dummy)
    {
        var (impact, offsets) = (0.0, new double[head.Classes]);
        for (var i = 0; i < dummy.Count; i++)
        {
            var strength = 0.0;
            for (var f = 0; f < head.Features; f++)
                strength += dummy.Features[i * head.Features + f];
            var p = Softmax.Of(dummy.Logits.AsSpan(i * head.Classes, head.Classes));
            for (var c = 0; c < head.Classes; c++)
                offsets[c] += p[c] * strength / dummy.Count;
            impact -= strength / dummy.Count;
        }
        return (impact, offsets);
    }
}
