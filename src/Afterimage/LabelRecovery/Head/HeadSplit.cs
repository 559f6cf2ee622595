using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Labels of a batch smaller than the number of classes, proved by taking the head's gradient apart under them: only true labels let
/// it be a sum of errors times features.
/// </summary>
internal static class HeadSplit
{
    private const int Starts = 8, Candidates = 6;
    private const double Sure = 0.999;

    /// <summary>Adds every image's features where the labels, or labels with one swap, fit; else returns them as they are.</summary>
    public static Labels Settle(AttackContext context, Labels labels)
    {
        var head = HeadEvidence.Of(context);
        if (!head.IsGradient || !head.HasBias || head.Batch >= head.Classes || head.IsZero || head.IsNoisy)
            return labels;
        using var scope = Tidy.Scope();
        var (classes, features) = (head.Classes, head.Features);
        Tensor Matrix(double[] numbers) => tensor(numbers, [numbers.Length / features, features], ScalarType.Float64);
        Tensor Vector(double[] numbers) => tensor(numbers, ScalarType.Float64);
        var (gradient, weight) = (Matrix(head.WeightGradient), Matrix(head.Weight));
        var (biasGradient, bias) = (Vector(head.Bias("counts")), Vector(head.BiasValues));
        var samples = HeadFactors.Single(gradient, biasGradient, head.Batch) ?? Matrix(DummyHead.Of(context).Features);
        foreach (var (candidate, swap) in Plausible(context, labels))
        {
            var targets = candidate.Targets(classes, ScalarType.Float64, CPU);
            if (HeadFactors.Find(gradient, biasGradient, weight, bias, targets, samples, context.Random, Starts) is not { } factors)
                continue;
            var known = swap ? "these labels, one other than first thought" : "just these labels";
            return candidate with
            {
                Confidence = Enumerable.Repeat(1.0, head.Batch).ToValueList(),
                Counts = candidate.Classes.Aggregate(new int[classes], (counts, label) => { counts[label]++; return counts; })
                    .Select((count, c) => new ClassCount(c, count, 1)).ToValueList(),
                Features = factors.Features.contiguous().data<double>().ToValueList(),
                Reasons = [.. labels.Reasons, FormattableString.Invariant(
                    $"The head's gradient is a sum over {head.Batch} image{(head.Batch == 1 ? "" : "s")} with {known}, ") +
                    FormattableString.Invariant($"up to {factors.Residual:G2}: that proves them and gives each image's features.")],
            };
        }
        return labels;
    }

    /// <summary>The labels, then those with one swap, the most probable first.</summary>
    private static IEnumerable<(Labels Labels, bool Swap)> Plausible(AttackContext context, Labels labels)
    {
        yield return (labels, false);
        if (labels.Counts.All(count => count.Confidence > Sure))
            yield break;
        var posterior = CountPosterior.Of(context);
        var counts = labels.Counts;
        var swaps = from a in counts
                    from b in counts
                    where a.Class != b.Class && a.Count > 0
                    let chance = posterior.Exactly(a.Class, a.Count - 1) * posterior.Exactly(b.Class, b.Count + 1)
                    where chance > 0
                    orderby chance descending
                    select (From: a.Class, To: b.Class);
        foreach (var (from, to) in swaps.Take(Candidates))
        {
            var list = labels.Classes.ToList();
            list[list.IndexOf(from)] = to;
            list.Sort();
            yield return (labels with { Classes = list.ToValueList() }, true);
        }
    }
}
