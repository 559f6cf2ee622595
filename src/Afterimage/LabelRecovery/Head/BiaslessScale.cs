namespace Afterimage.LabelRecovery;

/// <summary>
/// The factor of the gradient of one image from a head without a bias: s (p - y) h' gives a direction of the classes and one of the
/// features, h = t v, and only at the true length t is softmax(t W v) - y along the first one. That is one unknown in as many equations as
/// there are classes, and the size of the gradient is then the factor.
/// </summary>
internal sealed class BiaslessScale
{
    private const int FewestClasses = 4, Steps = 400, Halvings = 80;
    private const double OneImage = 1e-4, Fits = 1e-5, Shortest = 1e-3, Longest = 1e4;

    private readonly double[] along;
    private readonly double[] slope;
    private readonly int label;

    private BiaslessScale(double[] along, double[] slope, int label) => (this.along, this.slope, this.label) = (along, slope, label);

    /// <summary>The factor, with what it leaves; null where the head's gradient is not that of one image, or several lengths fit.</summary>
    public static (double Factor, double Error)? Of(HeadEvidence head)
    {
        var rows = head.WeightGradient.Chunk(head.Features).ToArray();
        var longest = rows.MaxBy(row => TensorPrimitives.Norm<double>(row))!;
        var length = TensorPrimitives.Norm<double>(longest);
        if (head.Classes < FewestClasses || !(length > 0))
            return null;
        var direction = longest.Select(value => value / length).ToArray();
        double[] along = [.. rows.Select(row => TensorPrimitives.Dot<double>(row, direction))];
        var (total, kept) = (TensorPrimitives.Dot<double>(head.WeightGradient, head.WeightGradient),
            TensorPrimitives.Dot<double>(along, along));
        double[] slope = [.. head.Weight.Chunk(head.Features).Select(row => TensorPrimitives.Dot<double>(row, direction))];
        var (negative, positive) = (Alone(along, -1), Alone(along, 1));
        return Math.Sqrt(Math.Max(0, 1 - kept / total)) > OneImage || (negative ?? positive) is not { } label
            || TensorPrimitives.Norm<double>(slope) is not (> 0 and var steepest)
            ? null : new BiaslessScale(along, slope, label).Find(steepest);
    }

    /// <summary>The only class whose error has this sign.</summary>
    private static int? Alone(double[] along, int sign) =>
        along.Count(value => sign * value > 0) == 1 ? Array.FindIndex(along, value => sign * value > 0) : null;

    private (double Factor, double Error)? Find(double steepest)
    {
        var lengths = Enumerable.Range(0, Steps + 1)
            .Select(step => Shortest * Math.Pow(Longest / Shortest, (double)step / Steps) / steepest).ToArray();
        var minima = new List<(double Length, double Error)>();
        foreach (var way in (int[])[1, -1])
        {
            var errors = lengths.Select(length => At(way * length).Error).ToArray();
            for (var i = 1; i < Steps; i++)
                if (errors[i] <= errors[i - 1] && errors[i] <= errors[i + 1])
                    minima.Add(Lowest(way, lengths[i - 1], lengths[i + 1]));
        }
        if (minima.Count == 0)
            return null;
        var best = minima.MinBy(minimum => minimum.Error);
        var others = minima.Where(minimum => Math.Abs(minimum.Length / best.Length - 1) > 0.01).Select(minimum => minimum.Error);
        // A length is known where its neighbors fit much worse.
        var near = Math.Min(At(best.Length * 1.01).Error, At(best.Length / 1.01).Error);
        return best.Error < Fits && near > 5 * best.Error && others.All(error => error > 100 * best.Error && error > Fits)
            ? (At(best.Length).Multiple / best.Length, best.Error) : null;
    }

    private (double Length, double Error) Lowest(int way, double low, double high)
    {
        for (var i = 0; i < Halvings; i++)
        {
            var (left, right) = (low + (high - low) / 3, high - (high - low) / 3);
            if (At(way * left).Error < At(way * right).Error)
                high = right;
            else
                low = left;
        }
        return (way * (low + high) / 2, At(way * (low + high) / 2).Error);
    }

    /// <summary>The multiple of the errors of features of this length that is nearest to what was sent, and what it leaves.</summary>
    private (double Multiple, double Error) At(double length)
    {
        var errors = Softmax.Of([.. slope.Select(value => value * length)]);
        errors[label]--;
        var square = TensorPrimitives.Dot<double>(errors, errors);
        if (square < 1e-30)
            return (0, 1);
        var multiple = TensorPrimitives.Dot<double>(along, errors) / square;
        return (multiple, Math.Sqrt(along.Zip(errors, (a, e) => Math.Pow(a - multiple * e, 2)).Sum()
            / TensorPrimitives.Dot<double>(along, along)));
    }
}
