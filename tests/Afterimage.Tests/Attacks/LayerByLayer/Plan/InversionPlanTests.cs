using Afterimage.Attacks;
using Afterimage.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class InversionPlanTests
{
    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    /// <summary>Two convolutions, of which the later one is solved for through its pooling, and a hidden linear layer.</summary>
    private static Network Small(int channels) => new(new(1, 12, 12), 10,
    [
        new Conv2d("a", 1, channels, 3, 1, 1), ReLU, new MaxPool2d(2, 2), new Conv2d("b", channels, 24, 3, 1, 1), ReLU, new MaxPool2d(3, 3),
        new Flatten(), new Linear("c", 96, 40), ReLU, new Linear("d", 40, 10),
    ]);

    private static InversionPlan Plan(Network network, ModelMode mode = ModelMode.Eval)
    {
        using var model = Simulated.Open(network);
        return InversionPlan.Of(model, mode);
    }

    [Fact]
    public void Layers_are_solved_from_the_head_down_until_their_equations_are_too_few()
    {
        var plan = Plan(Small(32));
        Assert.Equal(["d", "c", "b", "a"], plan.Layers.Select(layer => layer.Name));
        Assert.Equal([LayerReading.Exact, LayerReading.Exact, LayerReading.Exact, LayerReading.Search],
            plan.Layers.Select(layer => layer.Reading));
        // 32 x 6 x 6 features of b against 144 pixels.
        Assert.Equal(1152, plan.Layers[2].Input);
        Assert.Equal(ImagePromise.Exact, plan.Promise);
        Assert.Contains("1,152 features behind a are known exactly", plan.Sentences[0], StringComparison.Ordinal);
        Assert.Equal(ImagePromise.Determined, Plan(Small(12)).Promise);
    }

    [Theory]
    [Trait("Category", "slow")]
    [InlineData(32)]
    [InlineData(40)]
    public void The_attack_solves_for_just_the_layers_that_the_plan_names_and_keeps_the_promise(int channels)
    {
        using var scope = NewDisposeScope();
        var plan = Plan(Small(channels));
        Assert.Equal(ImagePromise.Exact, plan.Promise);
        var client = Simulated.Smooth(Simulated.Open(Small(channels)), [3]);
        using var found = new RectifiedRecursion { Images = 100 }.Run(client.Context);
        Assert.Equal(["b"], found.Evidence.OfType<LayerSolved>().Select(layer => layer.Layer));
        Assert.InRange(client.Judge(found).Psnr[0], 50, double.PositiveInfinity);
    }

    [Fact]
    public void A_residual_network_is_entered_blindly_where_a_unit_has_channels_enough_for_its_places()
    {
        static Residual Unit(string name) => new(
            [new Conv2d(name + "1", 32, 32, 3, 1, 1), ReLU, new Conv2d(name + "2", 32, 32, 3, 1, 1)], []);
        Network Of(int size) => new(new(3, size, size), 10,
            [new Conv2d("stem", 3, 32, 3, 1, 1), ReLU, Unit("a"), ReLU, Unit("b"), ReLU, new GlobalAvgPool2d(), new Flatten(),
                new Linear("head", 32, 10)]);
        var plan = Plan(Of(5));
        Assert.Equal(LayerReading.Blind, plan.Layers.Single(layer => layer.Name == "b1").Reading);
        Assert.Equal(["head", "b1", "b2", "a2", "a1", "stem"], plan.Layers.Select(layer => layer.Name));
        Assert.Equal(ImagePromise.Exact, plan.Promise);
        Assert.Equal(3, plan.Layers.Single(layer => layer.Name == "b1").LargestBatch);
        var large = Plan(Of(12));
        Assert.Equal(["head"], large.Layers.Where(layer => layer.Reading == LayerReading.Exact).Select(layer => layer.Name));
        Assert.Equal(ImagePromise.Determined, large.Promise);
    }

    [Fact]
    public void Train_mode_needs_the_statistics_of_the_batch()
    {
        using var model = new ConvNet { Width = 4 }.Open(new(3, 32, 32), 10, new(0), ScalarType.Float32, CPU);
        string Words(ModelMode mode) => string.Join(" ", InversionPlan.Of(model, mode).Sentences);
        Assert.Contains("needs the statistics of the batch", Words(ModelMode.Train), StringComparison.Ordinal);
        Assert.DoesNotContain("statistics", Words(ModelMode.Eval), StringComparison.Ordinal);
    }

    [Fact]
    public void Networks_that_are_no_chain_are_read_as_far_as_their_linear_layers_go()
    {
        var tanh = new Activation(ActivationKind.Tanh);
        var plan = Plan(new(new(1, 12, 12), 10, [new Conv2d("a", 1, 4, 3, 2, 1), tanh, new AvgPool2d(2, 2), new Flatten(),
            new Linear("b", 36, 30), tanh, new Linear("c", 30, 10)]));
        Assert.Equal(["c", "b", "a"], plan.Layers.Select(layer => layer.Name));
        Assert.Equal(LayerReading.Search, plan.Layers[2].Reading);
        Assert.StartsWith("36 features in front of b are known exactly", plan.Sentences[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Smooth_layers_with_enough_equations_are_all_read_backwards()
    {
        var tanh = new Activation(ActivationKind.Tanh);
        var plan = Plan(new(new(1, 8, 8), 10, [new Conv2d("a", 1, 8, 3, 1, 1), tanh, new Flatten(), new Linear("b", 512, 10)]));
        Assert.Equal(ImagePromise.Exact, plan.Promise);
        Assert.All(plan.Layers, layer => Assert.Equal(LayerReading.Exact, layer.Reading));
        Assert.Equal(ImagePromise.Exact, Plan(new(new(1, 8, 8), 10, [new Flatten(), new Linear("b", 64, 10)])).Promise);
    }
}
