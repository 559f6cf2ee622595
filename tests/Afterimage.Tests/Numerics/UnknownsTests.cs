using Afterimage.Numerics;
using Afterimage.Solvers;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics;

public class UnknownsTests
{
    [Fact]
    public void Blocks_lie_one_after_the_other_in_units_of_their_rates()
    {
        using var scope = NewDisposeScope();
        var images = new Block("images", arange(6, ScalarType.Float64).view(2, 3));
        var place = new Block("place", tensor([0.5]).to(ScalarType.Float64)) { Rate = 0.25 };
        var unknowns = new Unknowns(images, place);
        Assert.Equal([0, 1, 2, 3, 4, 5, 2], unknowns.Start.data<double>().ToArray());
        Assert.Equal([1, 1, 1, 1, 1, 1, 0.25], unknowns.Rates!.data<double>().ToArray());
        Assert.Equal([2L, 3], unknowns.Values(unknowns.Start, "images").shape);
        Assert.Equal(0.5, unknowns.Values(unknowns.Start, "place").ToDouble());
        var gradient = zeros_like(unknowns.Start);
        unknowns.Write(gradient, "images", ones([2, 3], ScalarType.Float64));
        unknowns.Write(gradient, "place", full([1], 8.0, ScalarType.Float64));
        Assert.Equal([1, 1, 1, 1, 1, 1, 2], gradient.data<double>().ToArray());
        Assert.Null(new Unknowns(images).Rates);
        Assert.True(new Unknowns(images).Start.equal(images.Start.reshape(-1)).all().ToBoolean());
        foreach (var rate in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Refusal.Says("positive rate; that of still", () => new Unknowns(images, new Block("still", images.Start) { Rate = rate }));
    }

    [Fact]
    public void Every_block_is_projected_in_its_own_units()
    {
        using var scope = NewDisposeScope();
        static bool Below(Tensor values, double most)
        {
            var moved = values.max().ToDouble() > most;
            values.clamp_(max: most);
            return moved;
        }
        var unknowns = new Unknowns(
            new Block("free", full([2], 9.0, ScalarType.Float64)),
            new Block("plain", full([2], 9.0, ScalarType.Float64)) { Project = values => Below(values, 3) },
            new Block("slow", full([1], 9.0, ScalarType.Float64)) { Rate = 0.5, Project = values => Below(values, 4) });
        var point = unknowns.Start.clone();
        Assert.True(unknowns.Project(point));
        Assert.Equal([9, 9, 3, 3, 8], point.data<double>().ToArray());
        Assert.False(unknowns.Project(point));
        Assert.Equal([9, 9, 3, 3, 8], point.data<double>().ToArray());
    }

    public static TheoryData<FirstOrderMethod, double> Methods => new()
    {
        { FirstOrderMethod.Sgd, 0 }, { FirstOrderMethod.Sgd, 0.9 }, { FirstOrderMethod.Adam, 0 },
    };

    /// <summary>PyTorch's parameter groups say what a rate of its own means.</summary>
    [Theory, MemberData(nameof(Methods))]
    public void A_rate_is_that_of_a_parameter_group(FirstOrderMethod method, double momentum)
    {
        using var scope = NewDisposeScope();
        const double Rate = 0.02, Ratio = 0.1;
        Tensor[] starts = [linspace(1, 2, 3, dtype: ScalarType.Float64), linspace(-2, 1, 2, dtype: ScalarType.Float64)];
        var unknowns = new Unknowns(new Block("fast", starts[0]), new Block("slow", starts[1]) { Rate = Ratio });
        var solver = new FirstOrder { Method = method, LearningRate = Rate, Momentum = momentum, Iterations = 21 };
        var last = empty_like(unknowns.Start);
        foreach (var step in solver.Descend(new Coupled(unknowns), unknowns.Start, new(1)))
            last.copy_(step.Point);
        var leaves = starts.Select(start => new TorchSharp.Modules.Parameter(start.clone())).ToArray();
        optim.Optimizer[] groups = [.. leaves.Zip([Rate, Rate * Ratio], (leaf, rate) => method == FirstOrderMethod.Adam
            ? (optim.Optimizer)optim.Adam([leaf], rate) : optim.SGD([leaf], rate, momentum))];
        for (var step = 0; step < 20; step++)
        {
            var gradients = Differentiate.Gradients(Coupled.Value(leaves[0], leaves[1]), leaves);
            foreach (var (leaf, gradient) in leaves.Zip(gradients))
                leaf.grad = gradient;
            foreach (var group in groups)
                group.step();
        }
        Assert.True(leaves[0].allclose(unknowns.Values(last, "fast"), rtol: 1e-7, atol: 0));
        Assert.True(leaves[1].allclose(unknowns.Values(last, "slow"), rtol: 1e-7, atol: 0));
        Assert.False(leaves[1].allclose(starts[1], rtol: 1e-3));
    }

    /// <summary>Two blocks that depend on each other.</summary>
    private sealed class Coupled(Unknowns unknowns) : Objective
    {
        public override Tensor? Rates => unknowns.Rates;

        public override double Evaluate(Tensor point, Tensor gradient)
        {
            using var scope = NewDisposeScope();
            var (fast, slow) = (Leaf(point, "fast"), Leaf(point, "slow"));
            var value = Value(fast, slow);
            var derivatives = Differentiate.Gradients(value, [fast, slow]);
            unknowns.Write(gradient, "fast", derivatives[0]);
            unknowns.Write(gradient, "slow", derivatives[1]);
            return value.ToDouble();
        }

        public override bool Project(Tensor point) => unknowns.Project(point);

        public static Tensor Value(Tensor fast, Tensor slow) => (fast.exp().sum() * slow.square().sum() + slow.sum()) / 10;

        private Tensor Leaf(Tensor point, string name) => unknowns.Values(point, name).detach().requires_grad_();
    }
}
