using Afterimage.Federation;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Afterimage.LabelRecovery;

/// <summary>From counts of classes to labels, each with the probability that the attacker's own model of the head gives it.</summary>
internal static class Counting
{
    /// <summary>Labels in the order of the classes; the i-th label of a class is as sure as that the class has i images.</summary>
    public static Labels Of(AttackContext context, int[] counts, params ReadOnlySpan<string> reasons)
    {
        var posterior = CountPosterior.Of(context);
        var labels = Enumerable.Range(0, counts.Length)
            .SelectMany(c => Enumerable.Range(1, counts[c]).Select(i => (Class: c, Sure: posterior.AtLeast(c, i)))).ToArray();
        return new(labels.Select(label => label.Class).ToValueList(), labels.Select(label => label.Sure).ToValueList())
        {
            Counts = Judged(context, counts),
            Reasons = [.. reasons, .. posterior.Reasons],
        };
    }

    /// <summary>
    /// The counts n that explain a signal s best, where images of class j have the mean probabilities p_j: B s = sum of n_j p_j - n.
    /// </summary>
    /// <param name="probabilities">[C,C], class by class.</param>
    /// <param name="signal">[C].</param>
    /// <param name="batch">B, the sum of the counts.</param>
    public static double[] Explaining(double[] probabilities, double[] signal, int batch)
    {
        var classes = signal.Length;
        var equations = DenseMatrix.Create(classes + 1, classes,
            (c, j) => c == classes ? 1 : probabilities[j * classes + c] - (c == j ? 1 : 0));
        var right = DenseVector.Create(classes + 1, c => c == classes ? batch : batch * signal[c]);
        var normal = equations.TransposeThisAndMultiply(equations);
        normal.SetDiagonal(normal.Diagonal() + (1e-12 * normal.Trace() / classes + double.Epsilon));
        return normal.Solve(equations.TransposeThisAndMultiply(right)).ToArray();
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
        Counts = Enumerable.Range(0, head.Classes).Select(c => c == label ? new ClassCount(c, 1, confidence)
            : new ClassCount(c, 0, 1 - (1 - confidence) / Math.Max(1, head.Classes - 1))).ToValueList(),
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

    /// <summary>Whole counts with the wanted sum: the certain classes once, then always the class farthest below its count.</summary>
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
