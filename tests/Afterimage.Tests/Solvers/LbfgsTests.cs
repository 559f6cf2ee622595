using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Solvers;

public class LbfgsTests
{
    private static readonly Lbfgs Free = new() { Target = double.NegativeInfinity, GradientTolerance = 0, ValueTolerance = 0,
        Iterations = 200 };

    [Theory]
    [InlineData(1, 1, 100)]
    [InlineData(5, 10, 100)]
    [InlineData(50, 1e4, 100)]
    [InlineData(50, 1e3, 5)]
    [InlineData(20, 10, 1)]
    public void A_quadratic_is_solved(int n, double condition, int history)
    {
        using var scope = NewDisposeScope();
        var solver = new Lbfgs { History = history, Iterations = 2000, Target = 1e-20 };
        var problem = SolverProblem.Quadratic(n, condition);
        var values = Values(solver, problem, full([n], 3.0, ScalarType.Float64));
        Assert.True(values[^1] < 1e-18, $"{values[^1]} after {values.Count} steps");
        Assert.True(problem.Evaluations < 2000);
    }

    [Theory]
    [InlineData(2, 100, 100)]
    [InlineData(100, 100, 1500)]
    [InlineData(100, 5, 2000)]
    [InlineData(2, 1, 1000)]
    public void The_bottom_of_the_curved_valley_is_found(int n, int history, int most)
    {
        using var scope = NewDisposeScope();
        var problem = SolverProblem.Rosenbrock(n);
        var values = Values(new Lbfgs { History = history, Iterations = 3000, Target = 1e-20 }, problem, SolverProblem.RosenbrockStart(n));
        Assert.True(values[^1] < 1e-16, $"{values[^1]} after {values.Count} steps");
        Assert.True(problem.Evaluations < most, $"{problem.Evaluations} evaluations");
        Assert.Equal(values.Order().Reverse(), values);
    }

    [Theory]
    [InlineData(2, 100)]
    [InlineData(10, 100)]
    [InlineData(10, 3)]
    [InlineData(10, 1)]
    public void Every_step_goes_along_the_two_loop_direction_and_satisfies_the_wolfe_conditions(int n, int history)
    {
        using var scope = NewDisposeScope();
        var problem = SolverProblem.Rosenbrock(n);
        var path = Path(Free with { History = history, Iterations = 25 }, problem, SolverProblem.RosenbrockStart(n));
        var pairs = new List<(Tensor S, Tensor Y)>();
        for (var k = 0; k + 1 < path.Count; k++)
        {
            var (step, change) = (path[k + 1].Point - path[k].Point, path[k + 1].Gradient - path[k].Gradient);
            var direction = TwoLoops(path[k].Gradient, pairs.TakeLast(history).ToList());
            var length = step.dot(direction).ToDouble() / direction.dot(direction).ToDouble();
            Assert.True((step - direction * length).norm().ToDouble() <= 1e-7 * step.norm().ToDouble(), $"step {k} leaves its direction");
            var slope = path[k].Gradient.dot(direction).ToDouble();
            Assert.True(length > 0 && slope < 0);
            Assert.True(path[k + 1].Value <= path[k].Value + 1e-4 * length * slope, $"step {k} decreases too little");
            Assert.True(Math.Abs(path[k + 1].Gradient.dot(direction).ToDouble()) <= 0.9 * -slope, $"step {k} is too steep");
            pairs.Add((step, change));
        }
        Assert.True(pairs.Count >= 15);
    }

    [Fact]
    public void A_region_without_values_is_a_wall()
    {
        using var scope = NewDisposeScope();
        var pull = linspace(-5, 9, 8, dtype: ScalarType.Float64);
        // The logarithm is not a number outside (-1, 1), where the first steps lead.
        var problem = new SolverProblem(x => ((pull * x - (1 - x * x).log()).sum(), pull + 2 * x / (1 - x * x)));
        var path = Path(Free with { GradientTolerance = 1e-8 }, problem, zeros([8], ScalarType.Float64));
        Assert.All(path, iterate => Assert.True(double.IsFinite(iterate.Value)));
        Assert.True(path[^1].Gradient.abs().max().ToDouble() <= 1e-6);
        Assert.True(path[^1].Point.abs().max().ToDouble() < 1);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_start_without_a_value_is_told_and_left(double value)
    {
        using var scope = NewDisposeScope();
        var values = Values(new Lbfgs(), new SolverProblem(x => (tensor(value), zeros_like(x))), ones([3], ScalarType.Float64));
        Assert.Equal([value], values);
    }

    [Fact]
    public void A_gradient_that_points_the_wrong_way_ends_the_search()
    {
        using var scope = NewDisposeScope();
        var problem = new SolverProblem(x => (x.dot(x), x * -2));
        Assert.Single(Values(new Lbfgs(), problem, ones([3], ScalarType.Float64)));
        Assert.InRange(problem.Evaluations, 2, 1 + new Lbfgs().LineSearchEvaluations);
    }

    [Fact]
    public void It_stops_at_the_target()
    {
        using var scope = NewDisposeScope();
        var values = Values(Free with { Target = 1e-3 }, SolverProblem.Rosenbrock(4), SolverProblem.RosenbrockStart(4));
        Assert.True(values[^1] <= 1e-3 && values[^2] > 1e-3);
    }

    [Fact]
    public void It_stops_where_the_gradient_vanishes()
    {
        using var scope = NewDisposeScope();
        var path = Path(Free with { GradientTolerance = 1e-2 }, SolverProblem.Rosenbrock(4), SolverProblem.RosenbrockStart(4));
        Assert.True(path[^1].Gradient.abs().max().ToDouble() <= 1e-2);
        Assert.All(path.SkipLast(1), iterate => Assert.True(iterate.Gradient.abs().max().ToDouble() > 1e-2));
    }

    [Fact]
    public void It_stops_when_steps_gain_too_little()
    {
        using var scope = NewDisposeScope();
        var start = SolverProblem.RosenbrockStart(100);
        var values = Values(Free with { ValueTolerance = 0.9 }, SolverProblem.Rosenbrock(100), start).ToArray();
        Assert.True(values.Length > 21);
        Assert.True(values[^21] - values[^1] <= 0.9 * values[^21]);
        Assert.All(values.Zip(values.Skip(20)).SkipLast(1), pair => Assert.True(pair.First - pair.Second > 0.9 * pair.First));
    }

    [Fact]
    public void It_stops_after_its_iterations_and_no_line_search_exceeds_its_evaluations()
    {
        using var scope = NewDisposeScope();
        var problem = SolverProblem.Rosenbrock(10);
        Assert.Equal(8, Values(Free with { Iterations = 7, LineSearchEvaluations = 3 }, problem, SolverProblem.RosenbrockStart(10)).Count);
        Assert.InRange(problem.Evaluations, 8, 1 + 7 * 3);
    }

    [Fact]
    public void Single_precision_converges_to_its_own_rounding()
    {
        using var scope = NewDisposeScope();
        var values = Values(new Lbfgs { Iterations = 500 }, SolverProblem.Rosenbrock(10), SolverProblem.RosenbrockStart(10)
            .to(ScalarType.Float32));
        Assert.True(values[^1] < 1e-7, $"{values[^1]}");
    }

    [Fact]
    public void Points_stay_in_the_box()
    {
        using var scope = NewDisposeScope();
        var path = Path(Free with { Iterations = 100 }, SolverProblem.Quadratic(10, 10, box: 0.5), full([10], -0.4, ScalarType.Float64));
        Assert.All(path, iterate => Assert.InRange(iterate.Point.abs().max().ToDouble(), 0, 0.5));
        var best = path.MinBy(iterate => iterate.Value);
        Assert.True((best.Point - linspace(0, 1, 10, dtype: ScalarType.Float64).clamp(-0.5, 0.5)).abs().max().ToDouble() < 1e-3);
    }

    private static List<double> Values(Lbfgs solver, SolverProblem problem, Tensor start) =>
        [.. solver.Descend(problem, start, new RandomSource(0)).Select(iterate => iterate.Value)];

    private static List<(Tensor Point, double Value, Tensor Gradient)> Path(Lbfgs solver, SolverProblem problem, Tensor start) =>
        [.. solver.Descend(problem, start, new RandomSource(0)).Select(iterate =>
        {
            var gradient = zeros_like(iterate.Point);
            Assert.Equal(iterate.Value, problem.Evaluate(iterate.Point, gradient));
            return (iterate.Point.clone(), iterate.Value, gradient);
        })];

    /// <summary>Nocedal and Wright (2006), algorithm 7.4, on the vectors themselves.</summary>
    private static Tensor TwoLoops(Tensor gradient, List<(Tensor S, Tensor Y)> pairs)
    {
        var q = gradient.clone();
        var alpha = new double[pairs.Count];
        for (var i = pairs.Count - 1; i >= 0; i--)
        {
            alpha[i] = pairs[i].S.dot(q).ToDouble() / pairs[i].S.dot(pairs[i].Y).ToDouble();
            q -= alpha[i] * pairs[i].Y;
        }
        if (pairs.Count > 0)
            q *= pairs[^1].S.dot(pairs[^1].Y) / pairs[^1].Y.dot(pairs[^1].Y);
        for (var i = 0; i < pairs.Count; i++)
            q += pairs[i].S * (alpha[i] - (pairs[i].Y.dot(q) / pairs[i].S.dot(pairs[i].Y)).ToDouble());
        return -q;
    }
}
