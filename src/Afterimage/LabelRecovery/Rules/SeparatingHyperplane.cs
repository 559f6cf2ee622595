using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Which classes occur, whatever the activation (RLG; Dang et al., 2021): the head's weight gradient is D'H, and only the errors D of
/// images of a class are negative there. So a class occurs if a hyperplane through the origin parts its column of a row basis of D from
/// all others, a small linear program that is solved here as the point of a convex hull nearest to the origin. It needs fewer images
/// than classes less one; how often the classes occur it does not say, so the posterior fills the counts.
/// </summary>
[Cites("dang2021revealing")]
public sealed record SeparatingHyperplane : LabelRule
{
    /// <summary>Singular values below this share of the largest are rounding.</summary>
    [Range(0, 1)]
    public double RankTolerance { get; init; } = 1e-6;

    /// <summary>Steps of the linear program at most, for each class.</summary>
    [Range(1, 100_000_000)]
    public int Steps { get; init; } = 2000;

    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var (rank, columns) = Columns(head);
        var present = Enumerable.Range(0, head.Classes).Where(c => IsParted(columns, rank, c)).ToArray();
        var full = rank >= head.Classes - 1;
        var counts = Fill(context, present.Length > head.Batch || full ? [] : present, head);
        return Counting.Of(context, counts, full
            ? $"The head's gradient has rank {rank} of {head.Classes} classes, so a hyperplane parts every class and says nothing: " +
                "the rule needs fewer images."
            : $"A hyperplane parts {present.Length} of {head.Classes} classes from the others, so just these are in the batch; " +
                "how often is not said.");
    }

    /// <summary>For each class its coordinates in the row space of the errors, of length 1 where it has any.</summary>
    private (int Rank, double[][] Columns) Columns(HeadEvidence head)
    {
        using var scope = Tidy.Scope();
        var (u, strengths, _) = Factorization.Svd(
            tensor(head.WeightGradient, [head.Classes, head.Features], ScalarType.Float64), "The head's weight gradient");
        var (left, values) = (u.contiguous().data<double>().ToArray(), strengths.data<double>().ToArray());
        var rank = values.Count(value => value > RankTolerance * values[0] && value > 0);
        return (rank, [.. Enumerable.Range(0, head.Classes).Select(c =>
        {
            var column = left.AsSpan(c * values.Length, rank).ToArray();
            var length = Math.Sqrt(TensorPrimitives.Dot(column, column));
            return length > 1e-9 ? [.. column.Select(value => value / length)] : column;
        })]);
    }

    /// <summary>Whether some r has r'q negative for this class and positive for all others (Gordan's theorem).</summary>
    private bool IsParted(double[][] columns, int rank, int label)
    {
        var points = columns.Select((column, c) => c == label ? [.. column.Select(value => -value)] : column).ToArray();
        var (weights, point) = (new double[points.Length], (double[])points[label].Clone());
        weights[label] = 1;
        for (var step = 0; step < Steps && rank > 0; step++)
        {
            var products = points.Select(other => TensorPrimitives.Dot(other, point)).ToArray();
            var nearest = Array.IndexOf(products, products.Min());
            if (products[nearest] > 1e-9)
                return true;
            // Weight moves from the farthest point in use to the nearest (Mitchell, Demyanov and Malozemov).
            var farthest = Enumerable.Range(0, points.Length).Where(c => weights[c] > 0).MaxBy(c => products[c]);
            var direction = points[nearest].Zip(points[farthest], (near, far) => near - far).ToArray();
            var square = TensorPrimitives.Dot(direction, direction);
            if (square < 1e-24)
                return false;
            var move = Math.Clamp((products[farthest] - products[nearest]) / square, 0, weights[farthest]);
            (weights[farthest], weights[nearest]) = (weights[farthest] - move, weights[nearest] + move);
            TensorPrimitives.MultiplyAdd(direction, move, point, point);
            if (TensorPrimitives.Dot(point, point) < 1e-14)
                return false;
        }
        return false;
    }

    /// <summary>Each present class once, and the rest as the posterior would have it among them.</summary>
    private static int[] Fill(AttackContext context, int[] present, HeadEvidence head)
    {
        var posterior = CountPosterior.Of(context);
        if (present.Length == 0)
            return posterior.Best;
        var counts = new int[head.Classes];
        foreach (var c in present)
            counts[c] = 1;
        for (var taken = present.Length; taken < head.Batch; taken++)
            counts[present.MaxBy(c => posterior.AtLeast(c, counts[c] + 1))]++;
        return counts;
    }
}
