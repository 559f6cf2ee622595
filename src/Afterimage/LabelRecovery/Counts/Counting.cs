using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>From counts of classes to labels, each with the probability that the attacker's own model of the head gives it.</summary>
internal static class Counting
{
    /// <summary>One label for each count, in the order of the classes; the i-th label of a class is as sure as its having i images.</summary>
    public static Labels Of(AttackContext context, int[] counts, params ReadOnlySpan<string> reasons)
    {
        var posterior = CountPosterior.Of(context);
        var labels = Enumerable.Range(0, counts.Length).SelectMany(c => Enumerable.Range(1, counts[c]).Select(i => (Class: c, Sure: posterior.AtLeast(c, i)))).ToArray();
        return new(labels.Select(label => label.Class).ToValueList(), labels.Select(label => label.Sure).ToValueList())
        {
            Counts = Judged(context, counts),
            Reasons = [.. reasons, .. posterior.Reasons],
        };
    }

    /// <summary>The posterior probability of each count.</summary>
    public static ValueList<ClassCount> Judged(AttackContext context, int[] counts)
    {
        var posterior = CountPosterior.Of(context);
        return counts.Select((count, c) => new ClassCount(c, count, posterior.Exactly(c, count))).ToValueList();
    }

    /// <summary>The label of a single image.</summary>
    public static Labels One(HeadEvidence head, int label, double confidence, string reason) => new([label], [confidence])
    {
        Counts = Enumerable.Range(0, head.Classes)
            .Select(c => new ClassCount(c, c == label ? 1 : 0, c == label ? confidence : 1 - (1 - confidence) / Math.Max(1, head.Classes - 1))).ToValueList(),
        Reasons = [reason],
    };

    /// <summary>Classes with negative entries once, then always the most negative entry; every label takes its impact away.</summary>
    /// <param name="entries">One for each class; not changed.</param>
    /// <param name="impact">What one image does to the entry of its class, negative.</param>
    /// <param name="signs">Whose negative entries come first; the entries themselves when not given.</param>
    public static int[] Greedy(double[] entries, double impact, int batch, double[]? signs = null)
    {
        var (left, counts, taken) = ((double[])entries.Clone(), new int[entries.Length], 0);
        signs ??= entries;
        foreach (var c in Enumerable.Range(0, entries.Length).Where(c => signs[c] < 0).OrderBy(c => signs[c]).Take(batch))
            Take(c);
        while (taken < batch)
            Take(Array.IndexOf(left, left.Min()));
        return counts;

        void Take(int c)
        {
            counts[c]++;
            left[c] -= impact;
            taken++;
        }
    }

    /// <summary>Whole counts with the wanted sum: the certain classes once, then always the class that is most short of its count.</summary>
    public static int[] Round(double[] counts, IEnumerable<int> certain, int batch)
    {
        var (left, whole, taken) = ((double[])counts.Clone(), new int[counts.Length], 0);
        foreach (var c in certain.Take(batch))
            Take(c);
        while (taken < batch)
            Take(Array.IndexOf(left, left.Max()));
        return whole;

        void Take(int c)
        {
            whole[c]++;
            left[c]--;
            taken++;
        }
    }
}
