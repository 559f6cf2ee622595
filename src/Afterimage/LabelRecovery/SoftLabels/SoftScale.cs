namespace Afterimage.LabelRecovery;

/// <summary>A soft label of a single image, with the feature and the scale that go with it.</summary>
/// <param name="Scale">The feature's length along the direction of the gradient's rows; its sign is the feature's.</param>
/// <param name="Label">[C]; sums to 1.</param>
/// <param name="Feature">[features].</param>
/// <param name="Misfit">Deviation of the entries that should be alike, over what rounding allows; at most 1 for a solution.</param>
/// <param name="IsProved">
/// Whether more equations than the one for the scale hold and rounding leaves the label no room; else other labels are possible.
/// </param>
internal sealed record SoftSolution(double Scale, double[] Label, double[] Feature, double Misfit, bool IsProved);

/// <summary>
/// Soft labels from the gradient of a head without a bias (Wang, Liang and He, 2024). All rows are (p - y)_c h', so h = t v with a known
/// direction v and one unknown scale t, for which softmax(t W v) - a / t must be a label of which all but a few entries are alike: equal by
/// smoothing, zero by mixup, and neither needs to be known. One product W v gives the logits of every scale. Every scale that fits is
/// listed.
/// </summary>
internal sealed class SoftScale
{
    /// <summary>Relative, of an error p - y, of an entry of the label and of a logit; and where floats end.</summary>
    private const double ErrorRounding = 1e-6, LabelRounding = 6e-8, LogitRounding = 1e-6, Smallest = 1e-36;
    private const double Saturated = 40, Same = 1e-5, Settled = 1e-9, Hopeless = 1e6;
    private const int MostSolutions = 16;

    /// <summary>An entry counts where it moves by so many roundings; a label is known where rounding leaves it within this.</summary>
    private const double Telling = 10, Known = 5e-4;
    private const int GaussNewtonSteps = 30, Halvings = 25, WeightedSteps = 8;

    private readonly int classes;
    private readonly int alike;
    private readonly double[] weight;
    private readonly double[] slope;
    private readonly double[] along;
    private readonly double[] direction;
    private readonly double strength;
    private readonly double steepest;
    private readonly double[] p;
    private readonly double[] y;
    private readonly bool[] isStrong;

    /// <param name="strong">Entries of the label that may differ from the rest: 1 after smoothing, 2 after mixup.</param>
    private SoftScale(double[] weight, double[] gradient, int classes, int features, int strong)
    {
        (this.classes, alike) = (classes, classes - strong);
        (p, y, isStrong) = (new double[classes], new double[classes], new bool[classes]);
        this.weight = weight;
        direction = Direction(gradient, classes, features);
        along = [.. Enumerable.Range(0, classes).Select(c => TensorPrimitives.Dot(gradient.AsSpan(c * features, features), direction))];
        slope = [.. Enumerable.Range(0, classes).Select(c => TensorPrimitives.Dot(weight.AsSpan(c * features, features), direction))];
        (strength, steepest) = (Math.Sqrt(TensorPrimitives.Dot(along, along)), Enumerable.Range(0, classes).Max(Steepness));
        var total = TensorPrimitives.Dot(gradient, gradient);
        Rest = total > 0 ? Math.Sqrt(Math.Max(0, 1 - strength * strength / total)) : 0;
    }

    /// <summary>What rounding of a logit is in proportion to: the logit, or the sum of squares of its terms, which may cancel.</summary>
    private double Steepness(int c)
    {
        var square = 0.0;
        for (var f = 0; f < direction.Length; f++)
        {
            var term = weight[c * direction.Length + f] * direction[f];
            square += term * term;
        }
        return Math.Max(Math.Abs(slope[c]), Math.Sqrt(square));
    }

    /// <summary>What one outer product leaves of the gradient, relative to it: near 0 for a single image.</summary>
    private double Rest { get; }

    /// <summary>
    /// Every solution with the fewest strong entries that has one, for that an entry more is alike by chance has no probability. Errors
    /// p - y below a thousandth are looked for last: there all scales fit a label that the model predicts anyway.
    /// </summary>
    /// <param name="weight">[classes,features] row by row.</param>
    /// <param name="gradient">Of the weight, as large.</param>
    /// <param name="strong">Entries that may differ from the rest, at most.</param>
    public static (IReadOnlyList<SoftSolution> Solutions, double Unexplained) Find(
        double[] weight, double[] gradient, int classes, int features, int strong)
    {
        IReadOnlyList<SoftSolution> nearest = [], unproved = [];
        var rest = 0.0;
        foreach (var reach in (double[])[1e3, 1e5])
            for (var entries = 1; entries <= strong; entries++)
            {
                var search = new SoftScale(weight, gradient, classes, features, entries);
                rest = search.Rest;
                var found = search.Solve(reach);
                var whole = unproved.Count > 0 || found.All(solution => solution.IsProved) || entries == strong;
                if (found is [{ Misfit: <= 1 }, ..] && whole)
                    return ([.. unproved, .. found], rest);
                if (found is [{ Misfit: <= 1 }, ..])
                    unproved = found;
                if (found.Count > 0 && (nearest.Count == 0 || found[0].Misfit < nearest[0].Misfit))
                    nearest = found;
                if (unproved.Count > 0 && entries == strong)
                    return (unproved, rest);
            }
        return (nearest, rest);
    }

    /// <summary>Every solution, the best first; where none fits, the nearest minimum alone.</summary>
    /// <param name="reach">The longest feature, in lengths of the gradient.</param>
    private IReadOnlyList<SoftSolution> Solve(double reach)
    {
        var found = new List<SoftSolution>();
        foreach (var sign in (double[])[1, -1])
            Scan(sign, reach, found);
        var sorted = found.OrderBy(solution => solution.Misfit).ToList();
        var fitting = sorted.Where(solution => solution.Misfit <= 1).ToList();
        return fitting.Count > 0 ? [.. fitting.Take(MostSolutions)] : [.. sorted.Take(1)];
    }

    private void Scan(double sign, double reach, List<SoftSolution> found)
    {
        var range = slope.Max() - slope.Min();
        var (least, most) = (strength / Math.Sqrt(2) * 0.999, strength * reach);
        var (before, value, at) = (double.PositiveInfinity, double.PositiveInfinity, least);
        for (var scale = least; scale < most;)
        {
            var next = Spread(sign * scale) * scale;
            if (value < before && value <= next)
                Refine(sign * at, found);
            (before, value, at) = (value, next, scale);
            scale += range * scale > Saturated ? 0.02 * scale : Math.Min(0.02 * scale, range > 0 ? 0.15 / range : double.MaxValue);
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
            for (var c = 0; c < classes; c++)
            {
                if (isStrong[c])
                    continue;
                mean += y[c] / alike;
                meanSlope += Slope(c, scale, expected) / alike;
            }
            var (product, square) = (0.0, 0.0);
            for (var c = 0; c < classes; c++)
            {
                if (isStrong[c])
                    continue;
                // d/dt of t (y - mean).
                var (value, derivative) = (scale * (y[c] - mean), y[c] - mean + scale * (Slope(c, scale, expected) - meanSlope));
                (product, square) = (product + value * derivative, square + derivative * derivative);
            }
            var moved = square > 0 ? product / square : 0;
            var trial = scale - moved;
            for (var half = 0; half < Halvings && !(Spread(trial) * Math.Abs(trial) < best); half++)
                trial = scale - (moved /= 2);
            if (!(Math.Abs(moved) > Settled * Math.Abs(scale)) || trial * start <= 0 || !(Spread(trial) * Math.Abs(trial) < best))
                break;
            (scale, best) = (trial, Spread(trial) * Math.Abs(trial));
        }
        if (Math.Abs(scale) < strength / Math.Sqrt(2) * 0.99 || Math.Abs(Math.Log(scale / start)) > 1)
            return;
        var judged = Judged(scale);
        if (!found.Any(other => Math.Abs(other.Scale / judged.Scale - 1) < Same))
            found.Add(judged);
    }

    /// <summary>
    /// Whether the entries that are alike are zero (mixup) or not (smoothing), each in its own rounding. The scale is first fitted again.
    /// </summary>
    private SoftSolution Judged(double scale)
    {
        var (zeros, likes) = (Fitted(scale, zero: true), Fitted(scale, zero: false));
        var zero = zeros.Misfit <= 1;
        (scale, var misfit) = zero ? zeros : likes;
        Spread(scale);
        var lowest = 0.0;
        for (var c = 0; c < classes; c++)
            lowest = Math.Max(lowest, -y[c] / (Telling * Rounding(c, scale)));
        return new(scale, [.. y], [.. direction.Select(value => value * scale)], Math.Max(misfit, lowest), IsProved(scale, zero));
    }

    private (double Scale, double Misfit) Fitted(double scale, bool zero)
    {
        var best = (Scale: scale, Misfit: double.PositiveInfinity);
        for (var step = 0; step < WeightedSteps; step++)
        {
            Spread(scale);
            var moves = Moves(scale);
            var (level, mean) = zero ? (0, 0) : (Mean(y, scale), Mean(moves, scale));
            var (product, square, misfit) = (0.0, 0.0, 0.0);
            for (var c = 0; c < classes; c++)
            {
                if (isStrong[c])
                    continue;
                var rounding = Rounding(c, scale);
                var (value, move) = ((y[c] - level) / rounding, (moves[c] - mean) / rounding);
                (product, square, misfit) = (product + value * move, square + move * move, misfit + value * value / alike);
            }
            if (!(misfit < best.Misfit))
                break;
            best = (scale, misfit);
            if (misfit > Hopeless)
                break;
            scale *= Math.Exp(Math.Clamp(square > 0 ? -product / square : 0, -0.01, 0.01));
        }
        return (best.Scale, Math.Sqrt(best.Misfit));
    }

    /// <summary>What every entry of the label moves by as the logarithm of the scale grows.</summary>
    private double[] Moves(double scale)
    {
        var (expected, moves) = (0.0, new double[classes]);
        for (var c = 0; c < classes; c++)
            expected += p[c] * slope[c];
        for (var c = 0; c < classes; c++)
            moves[c] = Slope(c, scale, expected) * scale;
        return moves;
    }

    /// <summary>Of the like entries, the more precise counting more.</summary>
    private double Mean(double[] values, double scale)
    {
        var (sum, weights) = (0.0, 0.0);
        for (var c = 0; c < classes; c++)
        {
            if (isStrong[c])
                continue;
            var rounding = Rounding(c, scale);
            (sum, weights) = (sum + values[c] / rounding / rounding, weights + 1 / rounding / rounding);
        }
        return sum / weights;
    }

    /// <summary>
    /// Of an entry of the label: the error, the probability and the label itself each have the relative precision of a float, however
    /// small they are.
    /// </summary>
    private double Rounding(int c, double scale) => Smallest + ErrorRounding * Math.Abs(along[c] / scale) + LabelRounding * Math.Abs(y[c])
        + p[c] * (LabelRounding + LogitRounding * (1 - p[c]) * (1 + Math.Abs(scale) * steepest));

    private bool IsProved(double scale, bool zero)
    {
        var moves = Moves(scale);
        // Entries that are alike and not zero are smoothed, whatever the scale; then one more equation suffices.
        var (mean, evidence, square) = (zero ? 0 : Mean(moves, scale), !zero && alike == classes - 1 ? 1 : 0, 0.0);
        for (var c = 0; c < classes; c++)
        {
            var ratio = isStrong[c] ? 0 : Math.Abs(moves[c] - mean) / Rounding(c, scale);
            (evidence, square) = (evidence + (ratio > Telling ? 1 : 0), square + ratio * ratio);
        }
        return evidence >= 2 && moves.Max(Math.Abs) < Known * Math.Sqrt(square);
    }

    private double Slope(int c, double scale, double expected) => p[c] * (slope[c] - expected) + along[c] / (scale * scale);

    /// <summary>The label of a scale, its strongest entries, and the deviation of the others, which should be alike.</summary>
    private double Spread(double scale)
    {
        for (var c = 0; c < classes; c++)
            p[c] = scale * slope[c];
        Softmax.InPlace(p);
        var total = 0.0;
        for (var c = 0; c < classes; c++)
            total += y[c] = p[c] - along[c] / scale;
        Array.Clear(isStrong);
        for (var k = alike; k < classes; k++)
        {
            var best = -1;
            for (var c = 0; c < classes; c++)
                if (!isStrong[c] && (best < 0 || y[c] > y[best]))
                    best = c;
            isStrong[best] = true;
            total -= y[best];
        }
        var (mean, square) = (total / alike, 0.0);
        for (var c = 0; c < classes; c++)
            square += isStrong[c] ? 0 : (y[c] - mean) * (y[c] - mean) / alike;
        return Math.Sqrt(square);
    }

    /// <summary>The leading right singular vector, by powers from the longest row.</summary>
    private static double[] Direction(double[] gradient, int classes, int features)
    {
        var longest = Enumerable.Range(0, classes)
            .MaxBy(c => TensorPrimitives.SumOfSquares<double>(gradient.AsSpan(c * features, features)));
        var vector = gradient.AsSpan(longest * features, features).ToArray();
        for (var power = 0; power < 3; power++)
        {
            var length = Math.Sqrt(TensorPrimitives.Dot(vector, vector));
            if (length == 0)
                return vector;
            var next = new double[features];
            for (var c = 0; c < classes; c++)
            {
                var row = gradient.AsSpan(c * features, features);
                var product = TensorPrimitives.Dot(row, vector) / length;
                TensorPrimitives.MultiplyAdd(row, product, next, next);
            }
            vector = next;
        }
        var final = Math.Sqrt(TensorPrimitives.Dot(vector, vector));
        return final > 0 ? [.. vector.Select(value => value / final)] : vector;
    }
}
