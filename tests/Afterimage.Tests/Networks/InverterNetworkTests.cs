using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class InverterNetworkTests
{
    public static TheoryData<InverterKind, int, int> Cases()
    {
        var data = new TheoryData<InverterKind, int, int>();
        foreach (var kind in Enum.GetValues<InverterKind>())
        {
            data.Add(kind, 1, 32);
            if (kind == InverterKind.Backprojection)
                continue;
            data.Add(kind, 4, 12);
            data.Add(kind, 8, 28);
        }
        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void As_many_images_come_out_as_were_asked_for(InverterKind kind, int batch, int side)
    {
        using var scope = NewDisposeScope();
        var network = new InverterShape { Kind = kind, Side = side, Batch = batch, Hidden = 16, Width = 8 }.Network(Widths(kind, side));
        using var normal = new RandomSource(1).Generator(CPU);
        var updates = randn([3, Widths(kind, side).Sum()], ScalarType.Float32, CPU, generator: normal);
        using var parameters = new ParameterViews(network.Layout, network.Initial(new(2)), isOwner: true);
        for (var count = 1; count <= batch; count++)
        {
            var images = network.Images(parameters, updates, count);
            Assert.Equal([3, count, 3, side, side], images.shape);
            Assert.InRange(images.min().ToDouble(), 0, 1);
            Assert.InRange(images.max().ToDouble(), 0, 1);
            // Each update has its own images, and each place its own image.
            Assert.True((images[0] - images[1]).abs().max().ToDouble() > 1e-4);
            if (count > 1)
                Assert.True((images[0][0] - images[0][1]).abs().max().ToDouble() > 1e-4);
        }
        if (batch > 1)
            Assert.False(network.Images(parameters, updates, 1)[0][0].allclose(network.Images(parameters, updates, 2)[0][0], 1e-6));
    }

    /// <summary>Parts of an update as an inverter of color images is given them.</summary>
    private static ValueList<int> Widths(InverterKind kind, int side) =>
        kind == InverterKind.Backprojection ? [3 * side * side, 3 * side * side] : [20, 30, 5];

    [Fact]
    public void Every_parameter_is_used()
    {
        using var scope = NewDisposeScope();
        foreach (var kind in Enum.GetValues<InverterKind>())
        {
            var batch = kind == InverterKind.Backprojection ? 1 : 2;
            var network = new InverterShape { Kind = kind, Side = 8, Batch = batch, Hidden = 16, Width = 8 }.Network(Widths(kind, 8));
            var leaf = network.Initial(new(2)).detach().requires_grad_();
            var updates = ones(2, Widths(kind, 8).Sum());
            var sum = zeros(1);
            for (var count = 1; count <= batch; count++)
                sum = sum + network.Images(new(network.Layout, leaf, isOwner: false), updates, count).square().mean();
            var gradient = new GradientSet(network.Layout, Differentiate.Gradients(sum, [leaf])[0]);
            Assert.All(Enumerable.Range(0, network.Layout.Entries.Count), i =>
                Assert.True(gradient[i].abs().max().ToDouble() > 0, $"{kind}: {network.Layout.Entries[i].Name}"));
        }
    }

    [Theory, InlineData(1), InlineData(3), InlineData(8)]
    public void The_set_loss_does_not_see_an_order(int count)
    {
        using var scope = NewDisposeScope();
        using var uniform = new RandomSource(4).Generator(CPU);
        var (made, truth) = (rand([5, count, 1, 4, 4], generator: uniform), rand([5, count, 1, 4, 4], generator: uniform));
        var loss = SetLoss.Of(made, truth).ToDouble();
        var other = randperm(count, ScalarType.Int64, generator: uniform);
        Assert.Equal(loss, SetLoss.Of(made.index_select(1, other), truth).ToDouble(), 1e-6);
        Assert.Equal(loss, SetLoss.Of(made, truth.index_select(1, other)).ToDouble(), 1e-6);
        Assert.Equal(0, SetLoss.Of(truth.index_select(1, other), truth).ToDouble());
        Assert.True(loss <= (made - truth).square().mean().ToDouble() + 1e-7);
    }

    /// <summary>All orders of three images, one after the other, have no smaller error than the matching.</summary>
    [Fact]
    public void The_set_loss_is_that_of_the_best_order()
    {
        using var scope = NewDisposeScope();
        using var uniform = new RandomSource(4).Generator(CPU);
        var (made, truth) = (rand([1, 3, 1, 4, 4], generator: uniform), rand([1, 3, 1, 4, 4], generator: uniform));
        long[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        var least = orders.Min(order => (made - truth.index_select(1, tensor(order))).square().mean().ToDouble());
        Assert.Equal(least, SetLoss.Of(made, truth).ToDouble(), 1e-6);
    }

    [Fact]
    public void Heads_divide_a_token() => Refusal.Says("give a hidden size that is a multiple",
        () => Settings.Check(new InverterShape { Kind = InverterKind.Layered, Hidden = 18 }));
}
