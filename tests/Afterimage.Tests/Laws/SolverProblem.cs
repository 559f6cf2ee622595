using Afterimage.Solvers;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>A function of a flat vector with its gradient, which remembers what it was asked.</summary>
internal sealed class SolverProblem(Func<Tensor, (Tensor Value, Tensor Gradient)> function, double box = double.PositiveInfinity)
    : Objective
{
    public int Evaluations { get; private set; }

    public override double Evaluate(Tensor point, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        Evaluations++;
        var (value, derivative) = function(point);
        gradient.copy_(derivative);
        return value.ToDouble();
    }

    /// <summary>Into the cube of half width <c>box</c>.</summary>
    public override bool Project(Tensor point)
    {
        if (double.IsPositiveInfinity(box))
            return false;
        using var scope = NewDisposeScope();
        var inside = point.clamp(-box, box);
        var moved = !inside.equal(point).all().ToBoolean();
        point.copy_(inside);
        return moved;
    }

    public double At(Tensor point)
    {
        using var scope = NewDisposeScope();
        return function(point).Value.ToDouble();
    }

    /// <summary>sum_i c_i (x_i - i/n)^2 / 2 with c from 1 to <paramref name="condition"/>.</summary>
    public static SolverProblem Quadratic(int n, double condition = 100, double box = double.PositiveInfinity) => new(x =>
    {
        var curvature = logspace(0, Math.Log10(condition), n, dtype: x.dtype);
        var difference = x - linspace(0, 1, n, dtype: x.dtype);
        return ((curvature * difference * difference).sum() / 2, curvature * difference);
    }, box);

    /// <summary>sum of 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2; zero at ones.</summary>
    public static SolverProblem Rosenbrock(int n) => new(x =>
    {
        var (head, tail) = (x.narrow(0, 0, n - 1), x.narrow(0, 1, n - 1));
        var (valley, slope) = (tail - head * head, 1 - head);
        var gradient = zeros_like(x);
        gradient.narrow(0, 0, n - 1).add_(-400 * head * valley - 2 * slope);
        gradient.narrow(0, 1, n - 1).add_(200 * valley);
        return ((100 * valley * valley + slope * slope).sum(), gradient);
    });

    /// <summary>The usual start of Rosenbrock's function: -1.2, 1, -1.2, 1, ...</summary>
    public static Tensor RosenbrockStart(int n) => tensor([.. Enumerable.Range(0, n).Select(i => i % 2 == 0 ? -1.2 : 1.0)],
        ScalarType.Float64);
}
