using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Solvers;

public class FirstOrderTests
{
    [Theory]
    [InlineData(FirstOrderMethod.Adam, 0.05, 0)]
    [InlineData(FirstOrderMethod.Sgd, 0.001, 0)]
    [InlineData(FirstOrderMethod.Sgd, 0.0005, 0.9)]
    public void Every_step_is_that_of_the_optimizer_of_the_same_name(FirstOrderMethod method, double rate, double momentum)
    {
        using var scope = NewDisposeScope();
        var (problem, start) = (SolverProblem.Rosenbrock(6), SolverProblem.RosenbrockStart(6));
        var theirs = new TorchSharp.Modules.Parameter(start.clone());
        optim.Optimizer optimizer = method == FirstOrderMethod.Adam ? optim.Adam([theirs], rate) : optim.SGD([theirs], rate, momentum);
        var solver = new FirstOrder { Method = method, LearningRate = rate, Momentum = momentum, Iterations = 60 };
        foreach (var iterate in solver.Descend(problem, start, new RandomSource(0)))
        {
            Assert.True((iterate.Point - theirs.detach()).abs().max().ToDouble() <= 1e-12, $"step {iterate.Number}");
            optimizer.zero_grad();
            var (head, tail) = (theirs.narrow(0, 0, 5), theirs.narrow(0, 1, 5));
            (100 * (tail - head * head).square() + (1 - head).square()).sum().backward();
            optimizer.step();
        }
    }

    [Theory]
    [InlineData(Schedule.Constant, 0, 1)]
    [InlineData(Schedule.Constant, 23_999, 1)]
    [InlineData(Schedule.Step, 8_999, 1)]
    [InlineData(Schedule.Step, 9_000, 0.1)]
    [InlineData(Schedule.Step, 14_999, 0.1)]
    [InlineData(Schedule.Step, 15_000, 0.01)]
    [InlineData(Schedule.Step, 20_999, 0.01)]
    [InlineData(Schedule.Step, 21_000, 0.001)]
    [InlineData(Schedule.Cosine, 0, 1)]
    [InlineData(Schedule.Cosine, 6_000, 0.85355339059327373)]
    [InlineData(Schedule.Cosine, 12_000, 0.5)]
    [InlineData(Schedule.Cosine, 24_000, 0)]
    [InlineData(Schedule.Linear, 0, 1)]
    [InlineData(Schedule.Linear, 18_000, 0.25)]
    public void A_schedule_scales_the_rate(Schedule schedule, int step, double factor) =>
        Assert.Equal(0.2 * factor, new FirstOrder { LearningRate = 0.2, Schedule = schedule, Iterations = 24_000 }.Rate(step), 1e-12);

    [Fact]
    public void A_warm_up_grows_linearly_and_then_leaves_the_schedule_alone()
    {
        var solver = new FirstOrder { LearningRate = 1, WarmUp = 50, Iterations = 1000 };
        Assert.Equal(0.02, solver.Rate(0), 1e-12);
        Assert.Equal(0.5, solver.Rate(24), 1e-12);
        Assert.All(Enumerable.Range(49, 900), step => Assert.Equal(1, solver.Rate(step)));
        Assert.Equal((solver with { WarmUp = 0, Schedule = Schedule.Cosine }).Rate(500),
            (solver with { Schedule = Schedule.Cosine }).Rate(500));
    }

    [Fact]
    public void A_hard_sign_moves_every_variable_alike()
    {
        using var scope = NewDisposeScope();
        var path = Points(new FirstOrder { Method = FirstOrderMethod.Sgd, LearningRate = 0.01, Sign = GradientSign.Hard, Iterations = 3 },
            Line(), zeros([3], ScalarType.Float64));
        Assert.Equal([0.02, -0.02, 0], path[2], Close);
    }

    [Fact]
    public void A_soft_sign_sharpens_no_more_towards_the_end()
    {
        using var scope = NewDisposeScope();
        var path = Points(new FirstOrder { Method = FirstOrderMethod.Sgd, LearningRate = 0.01, Sign = GradientSign.Soft, Iterations = 4 },
            Line(), zeros([3], ScalarType.Float64));
        Assert.Equal([0.01 * Math.Tanh(3), -0.01 * Math.Tanh(0.5), 0], path[1], Close);
        Assert.Equal(path[1][0] + 0.01 * Math.Tanh(3 * 0.75) / 0.75, path[2][0], 1e-12);
        Assert.Equal(path[2][0] + 0.01 * Math.Tanh(3 * 0.5) / 0.5, path[3][0], 1e-12);
    }

    [Fact]
    public void Langevin_noise_follows_the_seed_and_has_its_size()
    {
        using var scope = NewDisposeScope();
        var flat = new SolverProblem(x => (tensor(0.0), zeros_like(x)));
        var solver = new FirstOrder { Method = FirstOrderMethod.Sgd, LearningRate = 0.1, Langevin = 3, Iterations = 2 };
        double[] After(ulong seed) => Points(solver, flat, zeros([20_000], ScalarType.Float64), seed)[1];
        Assert.Equal(After(1), After(1));
        Assert.NotEqual(After(1), After(2));
        Assert.Equal(0.1 * 3, Math.Sqrt(After(1).Average(value => value * value)), 5e-3);
        Assert.Equal(0, After(1).Average(), 1e-2);
    }

    [Fact]
    public void A_look_ahead_mixes_the_gradient_there_with_the_one_here()
    {
        using var scope = NewDisposeScope();
        var solver = new FirstOrder
        {
            Method = FirstOrderMethod.Sgd,
            LearningRate = 0.1,
            LookAhead = 0.5,
            AheadShare = 0.25,
            Iterations = 2,
        };
        // x^2 / 2 in two variables: the gradient is x, and ahead it is x (1 + .5 / rms x).
        var bowl = new SolverProblem(x => (x.dot(x) / 2, x.clone()));
        var path = Points(solver, bowl, tensor(new[] { 3.0, -4.0 }));
        var factor = 1 + 0.25 * 0.5 / Math.Sqrt(12.5);
        Assert.Equal([3 - 0.1 * 3 * factor, -4 + 0.1 * 4 * factor], path[1], Close);
        Assert.Equal(4, bowl.Evaluations);
    }

    [Fact]
    public void Without_noise_the_seed_is_immaterial()
    {
        using var scope = NewDisposeScope();
        var (problem, start) = (SolverProblem.Rosenbrock(4), SolverProblem.RosenbrockStart(4));
        Assert.Equal(Points(new FirstOrder { Iterations = 20 }, problem, start, 1)[^1],
            Points(new FirstOrder { Iterations = 20 }, problem, start, 2)[^1]);
    }

    [Fact]
    public void The_minimum_in_the_box_is_found()
    {
        using var scope = NewDisposeScope();
        var path = Points(new FirstOrder { LearningRate = 0.05, Schedule = Schedule.Cosine, Iterations = 400 },
            SolverProblem.Quadratic(11, 10, box: 0.5), full([11], -0.4, ScalarType.Float64));
        Assert.All(path, point => Assert.All(point, value => Assert.InRange(value, -0.5, 0.5)));
        Assert.Equal([.. Enumerable.Range(0, 11).Select(i => Math.Min(0.5, i / 10.0))], path[^1], (left, right) =>
            Math.Abs(left - right) < 1e-3);
    }

    /// <summary>A slope of -3, .5 and 0 everywhere.</summary>
    private static SolverProblem Line() => new(x =>
    {
        var slope = tensor([-3, 0.5, 0], ScalarType.Float64);
        return (slope.dot(x), slope);
    });

    private static bool Close(double left, double right) => Math.Abs(left - right) < 1e-12;

    private static List<double[]> Points(FirstOrder solver, SolverProblem problem, Tensor start, ulong seed = 0) =>
        [.. solver.Descend(problem, start, new RandomSource(seed)).Select(iterate => iterate.Point.data<double>().ToArray())];
}
