namespace Afterimage.Attacks;

/// <summary>
/// Linear programs over one cone {v : L v >= -slack} with few unknowns and many inequalities, cut by the plane on which the sum of L v is
/// constant: their solutions are extreme rays. The dual simplex method on dense rows: it starts from a large box, and every step brings in
/// the inequality that is violated most. (A general solver keeps such matrices sparse and does not gain from it.)
/// </summary>
internal sealed class RayProgram
{
    /// <summary>Half the side of the box, in units of the distance from the apex to the plane; a solution on it is none.</summary>
    private const double Box = 1e4;

    /// <summary>What an inequality may be violated by.</summary>
    private const double Tolerance = -1e-10;

    private readonly double[][] rows;
    private readonly double[] offsets;
    private readonly double[] scales;
    private readonly double[][] turn;
    private readonly int free;

    /// <param name="inequalities">L, rows of equal length.</param>
    /// <param name="slack">One for every row, for v of length about one.</param>
    public RayProgram(double[][] inequalities, double[] slack)
    {
        var size = inequalities[0].Length;
        free = size - 1;
        var sum = new double[size];
        foreach (var row in inequalities)
            TensorPrimitives.Add(sum, row, sum);
        turn = Frame(sum);
        (rows, offsets, scales) = (new double[inequalities.Length][], new double[inequalities.Length], new double[inequalities.Length]);
        for (var i = 0; i < inequalities.Length; i++)
        {
            var turned = Array.ConvertAll(turn, axis => TensorPrimitives.Dot<double>(axis, inequalities[i]));
            scales[i] = Math.Max(TensorPrimitives.Norm<double>(turned), 1e-300);
            rows[i] = Array.ConvertAll(turned[1..], value => value / scales[i]);
            offsets[i] = (turned[0] + slack[i]) / scales[i];
        }
    }

    /// <summary>The v of length one that minimizes objective'v; null where the program ends on the box or has no solution.</summary>
    public double[]? Minimize(ReadOnlySpan<double> objective, CancellationToken stop)
    {
        var cost = new double[free];
        for (var k = 0; k < free; k++)
            cost[k] = TensorPrimitives.Dot(turn[k + 1], objective);
        var (inverse, active, multipliers, right) = (new double[free][], new int[free], new double[free], new double[free]);
        for (var k = 0; k < free; k++)
        {
            // inverse[k] is a column: the edge along which inequality k becomes inactive.
            inverse[k] = new double[free];
            inverse[k][k] = cost[k] < 0 ? -1 : 1;
            (active[k], multipliers[k], right[k]) = (-1, Math.Abs(cost[k]), -Box);
        }
        var (point, violated) = (new double[free], new List<int>());
        for (var pivot = 0; pivot < 100 * free + 1000; pivot++)
        {
            if (stop.IsCancellationRequested)
                return null;
            Array.Clear(point);
            for (var k = 0; k < free; k++)
                TensorPrimitives.MultiplyAdd(inverse[k], right[k], point, point);
            // Those that were violated when all were looked at are looked at first.
            violated.RemoveAll(i => Value(i, point) >= Tolerance);
            if (violated.Count == 0)
                violated.AddRange(Enumerable.Range(0, rows.Length).Where(i => Value(i, point) < Tolerance));
            if (violated.Count == 0)
                return active.Contains(-1) ? null : Turned(point);
            var entering = violated.MinBy(i => Value(i, point));
            if (!Exchange(entering, inverse, active, multipliers, right))
                return null;
        }
        return null;
    }

    private double Value(int i, double[] point) => TensorPrimitives.Dot<double>(rows[i], point) + offsets[i];

    /// <summary>Brings an inequality in for the one whose multiplier vanishes first; false where none does.</summary>
    private bool Exchange(int entering, double[][] inverse, int[] active, double[] multipliers, double[] right)
    {
        var along = Array.ConvertAll(inverse, edge => TensorPrimitives.Dot<double>(rows[entering], edge));
        var (leaving, step) = (-1, double.PositiveInfinity);
        for (var k = 0; k < free; k++)
            if (along[k] > 1e-9 && multipliers[k] / along[k] is var ratio && (ratio < step || (ratio == step && along[k] > along[leaving])))
                (leaving, step) = (k, ratio);
        if (leaving < 0)
            return false;
        for (var k = 0; k < free; k++)
            multipliers[k] = Math.Max(0, multipliers[k] - step * along[k]);
        (active[leaving], multipliers[leaving], right[leaving]) = (entering, step, -offsets[entering]);
        TensorPrimitives.Divide(inverse[leaving], along[leaving], inverse[leaving]);
        for (var k = 0; k < free; k++)
            if (k != leaving && along[k] != 0)
                TensorPrimitives.MultiplyAdd(inverse[leaving], -along[k], inverse[k], inverse[k]);
        return true;
    }

    private double[] Turned(double[] point)
    {
        var v = (double[])turn[0].Clone();
        for (var k = 0; k < free; k++)
            TensorPrimitives.MultiplyAdd(turn[k + 1], point[k], v, v);
        TensorPrimitives.Divide(v, TensorPrimitives.Norm<double>(v), v);
        return v;
    }

    /// <summary>An orthonormal frame whose first axis is a given direction: a Householder reflection.</summary>
    private static double[][] Frame(double[] direction)
    {
        var size = direction.Length;
        var unit = Array.ConvertAll(direction, value => value / TensorPrimitives.Norm<double>(direction));
        var sign = unit[0] < 0 ? -1.0 : 1.0;
        var mirror = (double[])unit.Clone();
        mirror[0] += sign;
        var square = TensorPrimitives.Dot<double>(mirror, mirror);
        var frame = new double[size][];
        for (var k = 0; k < size; k++)
        {
            frame[k] = new double[size];
            frame[k][k] = 1;
            TensorPrimitives.MultiplyAdd(mirror, -2 * mirror[k] / square, frame[k], frame[k]);
        }
        frame[0] = unit;
        return frame;
    }
}
