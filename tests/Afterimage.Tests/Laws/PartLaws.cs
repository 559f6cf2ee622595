using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;
using Afterimage.Tests.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>What starts, spaces, priors and solvers owe to whoever combines them: shapes, seeds, and their tensors back.</summary>
public class PartLaws
{
    /// <summary>Starts that are the same for every seed, so that only one restart is of use; their summaries say so.</summary>
    private static readonly Type[] Fixed = [typeof(ConstantGray), typeof(Learned)];

    public static TheoryData<string> Starts => Parts.Of<Start>();

    public static TheoryData<string> Priors => Parts.Of<Prior>();

    public static TheoryData<string> Spaces => Parts.Of<SearchSpace>();

    public static TheoryData<string> Solvers => Parts.Of<Solver>();

    [Theory, MemberData(nameof(Starts))]
    public void A_start_is_drawn_from_its_seed(string kind)
    {
        using var folder = new TemporaryFolder();
        var start = Drawing(kind, folder);
        foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            using var scene = Scene.Smooth(type);
            var before = Live.Tensors;
            using (NewDisposeScope())
            {
                var first = start.Draw(scene.Context, new RandomSource(1));
                Assert.Equal(scene.Context.ImagesShape, first.shape);
                Assert.Equal(type, first.dtype);
                Assert.True(first.isfinite().all().ToBoolean());
                Assert.False(first.requires_grad);
                Assert.True(first.equal(start.Draw(scene.Context, new RandomSource(1))).all().ToBoolean());
                Assert.Equal(Fixed.Contains(start.GetType()), first.equal(start.Draw(scene.Context, new RandomSource(2))).all()
                    .ToBoolean());
            }
            Assert.Equal(before, Live.Tensors);
        }
    }

    [Theory, MemberData(nameof(Starts))]
    public void Both_precisions_start_at_the_same_image(string kind)
    {
        using var scope = NewDisposeScope();
        using var single = Scene.Smooth(ScalarType.Float32);
        using var twice = Scene.Smooth(ScalarType.Float64);
        using var folder = new TemporaryFolder();
        var start = Drawing(kind, folder);
        var difference = start.Draw(single.Context, new RandomSource(1)).to(ScalarType.Float64)
            - start.Draw(twice.Context, new RandomSource(1));
        Assert.True(difference.abs().max().ToDouble() < 1e-5);
    }

    /// <summary>A start by its defaults; one that is trained gets a file of the scene's model.</summary>
    private static Start Drawing(string kind, TemporaryFolder folder)
    {
        if (Parts.Default<Start>(kind) is not Learned learned)
            return Parts.Default<Start>(kind);
        using var scene = Scene.Smooth();
        return learned with { Inverter = ToyInverter.Write(scene.Model, folder["inverter.safetensors"], batch: 2) };
    }

    [Theory, MemberData(nameof(Spaces))]
    public void A_space_decodes_without_memory_and_gives_its_tensors_back(string kind)
    {
        using var scene = Scene.Smooth();
        var before = Live.Tensors;
        using (NewDisposeScope())
        {
            var search = Parts.Default<SearchSpace>(kind).Open(scene.Context, scene.Images, new RandomSource(1));
            Assert.Equal(1, search.Start.dim());
            var kept = search.Start.clone();
            var first = search.Decode(search.Start);
            Assert.True(first.equal(search.Decode(search.Start)).all().ToBoolean());
            Assert.True(kept.equal(search.Start).all().ToBoolean());
            var variables = search.Start * 1000;
            var moved = search.Project(variables);
            Assert.Equal(moved, !variables.equal(search.Start * 1000).all().ToBoolean());
            Assert.False(search.Project(variables), "what was projected is allowed");
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory, MemberData(nameof(Priors))]
    public void A_prior_is_finite_and_gives_its_tensors_back(string kind)
    {
        using var scene = Scene.Smooth();
        var before = Live.Tensors;
        using (NewDisposeScope())
        {
            var penalty = Parts.Default<Prior>(kind).Bind(scene.Context);
            Assert.True(double.IsFinite(penalty(scene.Trial(scene.Images)).ToDouble()));
            var flat = full_like(scene.Images, 0.5).requires_grad_();
            Assert.True(Differentiate.Gradients(penalty(scene.Trial(flat)), [flat])[0].isfinite().all().ToBoolean(),
                "the gradient at a flat image is finite");
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory, MemberData(nameof(Solvers))]
    public void A_solver_descends_and_every_value_belongs_to_its_point(string kind)
    {
        using var scope = NewDisposeScope();
        var solver = Parts.Default<Solver>(kind) with { Iterations = 200 };
        var problem = SolverProblem.Quadratic(20, box: 0.8);
        var start = full([20], 0.7, ScalarType.Float64);
        var numbers = new List<int>();
        var values = new List<double>();
        foreach (var iterate in solver.Descend(problem, start, new RandomSource(1)))
        {
            Assert.Equal(problem.At(iterate.Point), iterate.Value);
            numbers.Add(iterate.Number);
            values.Add(iterate.Value);
        }
        Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
        Assert.InRange(numbers[^1], 1, 200);
        Assert.Equal(0.7, start.min().ToDouble());
        Assert.Equal(0.7, start.max().ToDouble());
        Assert.Equal(problem.At(start), values[0]);
        var least = problem.At(linspace(0, 1, 20, dtype: ScalarType.Float64).clamp(-0.8, 0.8));
        Assert.True(values.Min() - least < 0.1 * (values[0] - least));
    }

    [Theory, MemberData(nameof(Solvers))]
    public void A_solver_gives_its_tensors_back_even_when_it_is_left_early(string kind)
    {
        var solver = Parts.Default<Solver>(kind) with { Iterations = 30 };
        using var start = RosenbrockStart();
        foreach (var most in (int[])[1, 5, 100])
        {
            var before = Live.Tensors;
            var during = new List<long>();
            foreach (var iterate in solver.Descend(SolverProblem.Rosenbrock(6), start, new RandomSource(1)))
            {
                during.Add(Live.Tensors);
                if (during.Count == most)
                    break;
            }
            Assert.Equal(before, Live.Tensors);
            Assert.Single(during.Distinct());
        }
    }

    [Theory, MemberData(nameof(Solvers))]
    public void A_solver_repeats_itself(string kind)
    {
        using var scope = NewDisposeScope();
        var solver = Parts.Default<Solver>(kind) with { Iterations = 30 };
        double[] Values() => [.. solver.Descend(SolverProblem.Rosenbrock(6), SolverProblem.RosenbrockStart(6), new RandomSource(1))
            .Select(iterate => iterate.Value)];
        Assert.Equal(Values(), Values());
    }

    private static Tensor RosenbrockStart()
    {
        using var scope = NewDisposeScope();
        return SolverProblem.RosenbrockStart(6).MoveToOuterDisposeScope();
    }
}
