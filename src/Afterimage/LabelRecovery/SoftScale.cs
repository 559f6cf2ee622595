namespace Afterimage.LabelRecovery;

/// <summary>A soft label of a single image, with the feature and the scale that go with it.</summary>
/// <param name="Scale">The feature's length along the direction of the gradient's rows; its sign is the feature's.</param>
/// <param name="Label">[C]; sums to 1.</param>
/// <param name="Feature">[features].</param>
/// <param name="Misfit">Deviation of the entries that should be alike, over what rounding allows; at most 1 for a solution.</param>
internal sealed record SoftSolution(double Scale, double[] Label, double[] Feature, double Misfit);

/// <summary>
/// Soft labels from the gradient of a head without a bias (Wang, Liang and He, 2024). All rows are (p - y)_c h', so h = t v with a known
/// direction v and one unknown scale t, for which softmax(t W v) - a / t must be a label of which all but a few entries are alike: equal by
/// smoothing, zero by mixup, and neither needs to be known. One product W v gives the logits of every scale. Every scale that fits is
/// listed.
/// </summary>
internal sealed class SoftScale
{
    private const double RelativeRounding = 3e-6, LabelRounding = 3e-6, LargestShare = 1e5, Saturated = 60;
    private const int GaussNewtonSteps = 30;

    private readonly int classes;
    private readonly int alike;
    private readonly double[] slope;
    private readonly double[] along;
    private readonly double[] direction;
    private readonly double strength;
    private readonly double[] p;
    private readonly double[] y;
    private readonly int[] order;

    /// <param name="strong">Entries of the label that may differ from the rest: 1 after smoothing, 2 after mixup.</param>
    public SoftScale(double[] weight, double[] gradient, int classes, int features, int strong)
    {
        (this.classes, alike) = (classes, classes - strong);
        (p, y, order) = (new double[classes], new double[classes], new int[classes]);
        direction = Direction(gradient, classes, features);
        along = [.. Enumerable.Range(0, classes).Select(c => HeadEvidence.Dot(gradient.AsSpan(c * features, features), direction))];
        slope = [.. Enumerable.Range(0, classes).Select(c => HeadEvidence.Dot(weight.AsSpan(c * features, features), direction))];
        strength = Math.Sqrt(HeadEvidence.Dot(along, along));
        var total = HeadEvidence.Dot(gradient, gradient);
        Rest = total > 0 ? Math.Sqrt(Math.Max(0, 1 - strength * strength / total)) : 0;
    }

    /// <summary>What one outer product leaves of the gradient, relative to it: near 0 for a single image.</summary>
    public double Rest { get; }

    /// <summary>Every solution, the best first; where none fits, the nearest minimum alone.</summary>
    public IReadOnlyList<SoftSolution> Solve()
    {
        var found = new List<SoftSolution>();
        foreach (var sign in (double[])[1, -1])
            Scan(sign, found);
        var sorted = found.OrderBy(solution => solution.Misfit).ToList();
        var fitting = sorted.Where(solution => solution.Misfit <= 1).ToList();
        return fitting.Count > 0 ? fitting : [.. sorted.Take(1)];
    }

    private void Scan(double sign, List<SoftSolution> found)
    {
        var range = slope.Max() - slope.Min();
        var (least, most) = (strength / Math.Sqrt(2) * 0.999, strength * LargestShare);
        var (before, value, at) = (double.PositiveInfinity, double.PositiveInfinity, least);
        for (var scale = least; scale < most;)
        {
            var next = Spread(sign * scale) * scale;
            if (value < before && value <= next)
                Refine(sign * at, found);
            (before, value, at) = (value, next, scale);
            scale += range * scale > Saturated ? 0.02 * scale : Math.Min(0.02 * scale, range > 0 ? 0.1 / range : double.MaxValue);
        }
    }

    /// <summary>Gauss-Newton on the deviations of the like entries, scaled so that the minimum at infinity is none.</summary>
    private void Refine(double scale, List<SoftSolution> found)
    {
        var start = scale;
        var best = Spread(scale) * Math.Abs(scale);
        for (var step = 0; step < GaussNewtonSteps; step++)
        {
            Spread(scale);
            var expected = 0.0;
            for (var c = 0; c < classes; c++)
                expected += p[c] * slope[c];
            var (mean, meanSlope) = (0.0, 0.0);
            for (var k = 0; k < alike; k++)
            {
                var c = order[k];
                mean += y[c] / alike;
                meanSlope += Slope(c, scale, expected) / alike;
            }
            var (product, square) = (0.0, 0.0);
            for (var k = 0; k < alike; k++)
            {
                var c = order[k];
                // d/dt of t (y - mean).
                var (value, derivative) = (scale * (y[c] - mean), y[c] - mean + scale * (Slope(c, scale, expected) - meanSlope));
                (product, square) = (product + value * derivative, square + derivative * derivative);
            }
            var moved = square > 0 ? product / square : 0;
            var trial = scale - moved;
            while (Math.Abs(moved) > 1e-15 * Math.Abs(scale) && !(Spread(trial) * Math.Abs(trial) < best))
                trial = scale - (moved /= 2);
            if (!(Math.Abs(moved) > 1e-15 * Math.Abs(scale)) || trial * scale <= 0)
                break;
            (scale, best) = (trial, Spread(trial) * Math.Abs(trial));
        }
        if (Math.Abs(scale) < strength / Math.Sqrt(2) * 0.99 || Math.Abs(Math.Log(scale / start)) > 1)
            return;
        var deviation = Spread(scale);
        var allowed = LabelRounding + RelativeRounding * strength / Math.Abs(scale);
        var lowest = Math.Max(0, -y.Min() / (10 * allowed));
        if (found.Any(other => Math.Abs(other.Scale / scale - 1) < 1e-6))
            return;
        found.Add(new(scale, [.. y], [.. direction.Select(value => value * scale)], Math.Max(deviation / allowed, lowest)));
    }

    private double Slope(int c, double scale, double expected) => p[c] * (slope[c] - expected) + along[c] / (scale * scale);

    /// <summary>The label of a scale, its entries in order, and the deviation of the entries that should be alike.</summary>
    private double Spread(double scale)
    {
        for (var c = 0; c < classes; c++)
            p[c] = scale * slope[c];
        Softmax.InPlace(p);
        var keys = new double[classes];
        for (var c = 0; c < classes; c++)
            (y[c], keys[c], order[c]) = (p[c] - along[c] / scale, p[c] - along[c] / scale, c);
        Array.Sort(keys, order);
        var (mean, square) = (0.0, 0.0);
        for (var k = 0; k < alike; k++)
            mean += keys[k] / alike;
        for (var k = 0; k < alike; k++)
            square += (keys[k] - mean) * (keys[k] - mean) / alike;
        return Math.Sqrt(square);
    }

    /// <summary>The leading right singular vector, by powers from the longest row.</summary>
    private static double[] Direction(double[] gradient, int classes, int features)
    {
        var longest = Enumerable.Range(0, classes).MaxBy(c => HeadEvidence.Dot(gradient.AsSpan(c * features, features), gradient.AsSpan(c * features, features)));
        var vector = gradient.AsSpan(longest * features, features).ToArray();
        for (var power = 0; power < 3; power++)
        {
            var length = Math.Sqrt(HeadEvidence.Dot(vector, vector));
            if (length == 0)
                return vector;
            var next = new double[features];
            for (var c = 0; c < classes; c++)
            {
                var row = gradient.AsSpan(c * features, features);
                var product = HeadEvidence.Dot(row, vector) / length;
                for (var f = 0; f < features; f++)
                    next[f] += product * row[f];
            }
            vector = next;
        }
        var final = Math.Sqrt(HeadEvidence.Dot(vector, vector));
        return final > 0 ? [.. vector.Select(value => value / final)] : vector;
    }
}
