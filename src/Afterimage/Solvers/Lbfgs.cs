namespace Afterimage.Solvers;

/// <summary>
/// Limited-memory BFGS (Liu and Nocedal, 1989) with a line search for the strong Wolfe conditions (Nocedal and Wright,
/// 2006, algorithms 3.5 and 3.6). The two-loop recursion runs on coefficients of the stored pairs, so that a step costs
/// three matrix-vector products however long the memory is.
/// </summary>
[Cites("liu1989limited", "nocedal2006numerical")]
public sealed record Lbfgs : Solver
{
    private const int Patience = 20;

    /// <summary>Pairs remembered.</summary>
    public int History { get; init; } = 100;

    /// <summary>Stops when the largest entry of the gradient is below this.</summary>
    public double GradientTolerance { get; init; } = 1e-12;

    /// <summary>Stops when the last 20 steps together lowered the value by less than this fraction of it.</summary>
    public double ValueTolerance { get; init; } = 1e-12;

    /// <summary>Stops when the value is below this.</summary>
    public double Target { get; init; }

    /// <summary>Evaluations of one line search at most.</summary>
    public int LineSearchEvaluations { get; init; } = 20;

    public override IEnumerable<Iterate> Descend(Objective objective, Tensor start, RandomSource random)
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
            memory.Add(search.Point, point, search.Gradient, gradient);
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

/// <summary>The stored pairs and the inner products between them.</summary>
internal sealed class LbfgsMemory : IDisposable
{
    private readonly int capacity;
    private readonly Tensor basis;
    private readonly double[,] gram;
    private readonly List<int> order = [];

    public LbfgsMemory(int capacity, Tensor like)
    {
        this.capacity = capacity;
        basis = zeros([2 * capacity, like.shape[0]], like.dtype, like.device);
        gram = new double[2 * capacity, 2 * capacity];
    }

    public int Count => order.Count;

    public void Clear() => order.Clear();

    public void Add(Tensor newPoint, Tensor oldPoint, Tensor newGradient, Tensor oldGradient)
    {
        using var _ = Tidy.Scope();
        var s = newPoint - oldPoint;
        var y = newGradient - oldGradient;
        var curvature = s.dot(y).ToDouble();
        if (!(curvature > 1e-14 * y.dot(y).ToDouble()))
            return;
        int slot;
        if (order.Count < capacity)
            slot = Enumerable.Range(0, capacity).First(i => !order.Contains(i));
        else
        {
            slot = order[0];
            order.RemoveAt(0);
        }
        order.Add(slot);
        basis[slot].copy_(s);
        basis[capacity + slot].copy_(y);
        var products = basis.matmul(stack([s, y], 1)).to(ScalarType.Float64).cpu().data<double>().ToArray();
        for (var i = 0; i < 2 * capacity; i++)
        {
            gram[i, slot] = gram[slot, i] = products[2 * i];
            gram[i, capacity + slot] = gram[capacity + slot, i] = products[2 * i + 1];
        }
    }

    /// <summary>Writes -H g into <paramref name="direction"/> and returns its inner product with g.</summary>
    public double Direction(Tensor gradient, Tensor direction)
    {
        using var _ = Tidy.Scope();
        var squared = gradient.dot(gradient).ToDouble();
        if (order.Count == 0)
        {
            direction.copy_(gradient).neg_();
            return -squared;
        }
        var along = basis.mv(gradient).to(ScalarType.Float64).cpu().data<double>().ToArray();
        var (coefficients, scale) = TwoLoops(along);
        var combined = basis.t().mv(tensor(coefficients, gradient.dtype, gradient.device));
        direction.copy_(combined).add_(gradient, alpha: -scale);
        var slope = -scale * squared;
        for (var i = 0; i < coefficients.Length; i++)
            slope += coefficients[i] * along[i];
        return slope;
    }

    // The direction as coefficients of the basis, and the factor of the gradient (both loops are linear in these).
    private (double[] Coefficients, double Scale) TwoLoops(double[] along)
    {
        var coefficients = new double[2 * capacity];
        var alpha = new double[capacity];
        foreach (var k in Enumerable.Reverse(order))
        {
            alpha[k] = (-along[k] + Product(coefficients, k)) / gram[k, capacity + k];
            coefficients[capacity + k] -= alpha[k];
        }
        var last = order[^1];
        var scale = gram[last, capacity + last] / gram[capacity + last, capacity + last];
        for (var i = 0; i < coefficients.Length; i++)
            coefficients[i] *= scale;
        foreach (var k in order)
        {
            var beta = (-scale * along[capacity + k] + Product(coefficients, capacity + k)) / gram[k, capacity + k];
            coefficients[k] += alpha[k] - beta;
        }
        return (coefficients, scale);
    }

    private double Product(double[] coefficients, int row)
    {
        var sum = 0.0;
        foreach (var k in order)
            sum += coefficients[k] * gram[k, row] + coefficients[capacity + k] * gram[capacity + k, row];
        return sum;
    }

    public void Dispose() => basis.Dispose();
}
