using System.Numerics;
using System.Runtime.InteropServices;

namespace Afterimage.Solvers;

/// <summary>
/// Limited-memory BFGS (Liu and Nocedal, 1989) with a line search for the strong Wolfe conditions (Nocedal and Wright,
/// 2006, algorithms 3.5 and 3.6). The two-loop recursion runs on coefficients of the stored pairs, so that a step reads the
/// memory twice however long it is.
/// </summary>
[Cites("liu1989limited", "nocedal2006numerical")]
public sealed record Lbfgs : Solver
{
    private const int Patience = 20;

    /// <summary>Pairs remembered.</summary>
    [Range(1, 10_000)]
    public int History { get; init; } = 100;

    /// <summary>Stops when the largest entry of the gradient is below this.</summary>
    [Range(0, 1e9)]
    public double GradientTolerance { get; init; } = 1e-12;

    /// <summary>Stops when the last 20 steps together lowered the value by less than this fraction of it.</summary>
    [Range(0, 1e9)]
    public double ValueTolerance { get; init; } = 1e-12;

    /// <summary>Stops when the value is below this.</summary>
    [Range(0, 1e30)]
    public double Target { get; init; }

    /// <summary>Evaluations of one line search at most.</summary>
    [Range(1, 10_000)]
    public int LineSearchEvaluations { get; init; } = 20;

    /// <inheritdoc/>
    public override IEnumerable<SolverStep> Descend(Objective objective, Tensor start, RandomSource random)
    {
        using var point = start.clone();
        using var gradient = zeros_like(point);
        using var direction = zeros_like(point);
        using var memory = new LbfgsMemory(History, point);
        using var search = new WolfeLineSearch(objective, point, LineSearchEvaluations);
        var value = objective.Evaluate(point, gradient);
        yield return new(0, value, point);
        var values = new Queue<double>([value]);
        for (var step = 1; step <= Iterations && double.IsFinite(value); step++)
        {
            if (value <= Target || Largest(gradient) <= GradientTolerance)
                yield break;
            var slope = memory.Direction(gradient, direction);
            if (!(slope < 0))
            {
                memory.Clear();
                slope = memory.Direction(gradient, direction);
            }
            var initial = memory.Count == 0 ? Math.Min(1, 1 / Sum(gradient)) : 1;
            var found = search.Run(point, value, gradient, direction, slope, initial);
            if (found is null)
            {
                // A failed search along a quasi-Newton direction earns one more try along the gradient.
                if (memory.Count == 0)
                    yield break;
                memory.Clear();
                continue;
            }
            value = found.Value.Value;
            memory.Add(direction, found.Value.Step, gradient, search.Gradient);
            point.copy_(search.Point);
            gradient.copy_(search.Gradient);
            if (objective.Project(point))
            {
                memory.Clear();
                value = objective.Evaluate(point, gradient);
            }
            yield return new(step, value, point);
            values.Enqueue(value);
            if (values.Count > Patience && values.Dequeue() is var before && before - value <= ValueTolerance * Math.Abs(before))
                yield break;
        }
    }

    private static double Largest(Tensor vector)
    {
        using var _ = Tidy.Scope();
        return vector.abs().max().ToDouble();
    }

    private static double Sum(Tensor vector)
    {
        using var _ = Tidy.Scope();
        return vector.abs().sum().ToDouble();
    }
}

/// <summary>
/// The stored pairs s, y and the inner products between them. Steps are combinations of the memory and the last gradient, and
/// gradients change by y, so that all products follow from those with the newest y.
/// </summary>
internal sealed class LbfgsMemory : IDisposable
{
    private readonly int capacity;

    /// <summary>s in rows 2k, y in rows 2k + 1.</summary>
    private readonly Tensor basis;
    private readonly double[][] gram;
    private readonly List<int> order = [];

    /// <summary>Products of the basis with the gradient.</summary>
    private readonly double[] along;
    private double[] coefficients;
    private double scale = 1;
    private double slope;

    public LbfgsMemory(int capacity, Tensor like)
    {
        this.capacity = capacity;
        basis = zeros([2 * capacity, like.shape[0]], like.dtype, like.device);
        gram = [.. Enumerable.Range(0, 2 * capacity).Select(_ => new double[2 * capacity])];
        along = new double[2 * capacity];
        coefficients = new double[2 * capacity];
    }

    public int Count => order.Count;

    public void Clear() => order.Clear();

    /// <summary>Learns from a step along the last direction.</summary>
    public void Add(Tensor direction, double length, Tensor oldGradient, Tensor newGradient)
    {
        using var _ = Tidy.Scope();
        var y = newGradient - oldGradient;
        var withY = Read(matrix => matrix.mv(y));
        var withS = new double[withY.Length];
        var curvature = -scale * oldGradient.dot(y).ToDouble();
        for (var i = 0; i < withY.Length; i++)
        {
            withS[i] = length * (Product(coefficients, i) - scale * along[i]);
            curvature += coefficients[i] * withY[i];
        }
        for (var i = 0; i < withY.Length; i++)
            along[i] += withY[i];
        curvature *= length;
        var squared = y.dot(y).ToDouble();
        if (!(curvature > 1e-14 * squared))
            return;
        var slot = order.Count < capacity ? Enumerable.Range(0, capacity).First(i => !order.Contains(i)) : order[0];
        order.Remove(slot);
        order.Add(slot);
        basis[2 * slot].copy_(direction).mul_(length);
        basis[2 * slot + 1].copy_(y);
        for (var i = 0; i < withY.Length; i++)
        {
            gram[i][2 * slot] = gram[2 * slot][i] = withS[i];
            gram[i][2 * slot + 1] = gram[2 * slot + 1][i] = withY[i];
        }
        gram[2 * slot][2 * slot] = length * length * direction.dot(direction).ToDouble();
        gram[2 * slot][2 * slot + 1] = gram[2 * slot + 1][2 * slot] = curvature;
        gram[2 * slot + 1][2 * slot + 1] = squared;
        along[2 * slot] = length * slope + curvature;
        along[2 * slot + 1] = y.dot(newGradient).ToDouble();
    }

    /// <summary>
    /// Writes -H g into <paramref name="direction"/> and returns its inner product with g, which is the gradient that was added last
    /// or, while nothing is stored, any.
    /// </summary>
    public double Direction(Tensor gradient, Tensor direction)
    {
        using var _ = Tidy.Scope();
        var squared = gradient.dot(gradient).ToDouble();
        (coefficients, scale) = order.Count == 0 ? (new double[2 * capacity], 1) : TwoLoops();
        direction.copy_(gradient).mul_(-scale);
        slope = -scale * squared;
        if (order.Count == 0)
            return slope;
        var used = Used;
        direction.add_(basis.narrow(0, 0, used).t().mv(tensor(coefficients.AsSpan(0, used).ToArray(), gradient.dtype, gradient.device)));
        for (var i = 0; i < used; i++)
            slope += coefficients[i] * along[i];
        return slope;
    }

    /// <summary>Rows in front of the first that was never filled.</summary>
    private int Used => order.Count == 0 ? 0 : 2 * (order.Max() + 1);

    private double[] Read(Func<Tensor, Tensor> products) => Used == 0 ? []
        : products(basis.narrow(0, 0, Used)).to(ScalarType.Float64).cpu().data<double>().ToArray();

    // The direction as coefficients of the basis, and the factor of the gradient (both loops are linear in these).
    private (double[] Coefficients, double Scale) TwoLoops()
    {
        var found = new double[2 * capacity];
        var alpha = new double[capacity];
        foreach (var k in Enumerable.Reverse(order))
        {
            alpha[k] = (-along[2 * k] + Product(found, 2 * k)) / gram[2 * k][2 * k + 1];
            found[2 * k + 1] -= alpha[k];
        }
        var last = order[^1];
        var factor = gram[2 * last][2 * last + 1] / gram[2 * last + 1][2 * last + 1];
        for (var i = 0; i < found.Length; i++)
            found[i] *= factor;
        foreach (var k in order)
        {
            var beta = (-factor * along[2 * k + 1] + Product(found, 2 * k + 1)) / gram[2 * k][2 * k + 1];
            found[2 * k] += alpha[k] - beta;
        }
        return (found, factor);
    }

    /// <summary>Of a combination of the basis with one of its rows; what is not in use has no part in a combination.</summary>
    private double Product(double[] of, int row)
    {
        var left = MemoryMarshal.Cast<double, Vector<double>>(of);
        var right = MemoryMarshal.Cast<double, Vector<double>>(gram[row]);
        var sums = Vector<double>.Zero;
        for (var i = 0; i < left.Length; i++)
            sums += left[i] * right[i];
        var sum = Vector.Sum(sums);
        for (var i = left.Length * Vector<double>.Count; i < of.Length; i++)
            sum += of[i] * gram[row][i];
        return sum;
    }

    public void Dispose() => basis.Dispose();
}
