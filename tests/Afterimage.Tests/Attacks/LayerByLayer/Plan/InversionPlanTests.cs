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
    public void A_ConvNeXt_is_known_in_front_of_its_head_alone()
    {
        var plan = Plan(new(new(3, 12, 12), 10, [new Conv2d("stem", 3, 8, 4, 4), new ImageToTokens(), new LayerNorm("norm", [8]),
            new TokensToImage(3, 3), new Residual([new Conv2d("deep", 8, 8, 7, 1, 3, Groups: 8), new ImageToTokens(),
                new LayerNorm("inner", [8]), new Linear("wide", 8, 32), new Activation(ActivationKind.Gelu), new Linear("back", 32, 8),
                new TokensToImage(3, 3), new LayerScale("scale", [8, 1, 1])], []),
            new GlobalAvgPool2d(), new Flatten(), new LayerNorm("last", [8]), new Linear("head", 8, 10)]));
        Assert.Equal(["head"], plan.Layers.Where(layer => layer.Reading == LayerReading.Exact).Select(layer => layer.Name));
        Assert.Equal(["back", "wide", "deep", "stem"], plan.Layers.Skip(1).Select(layer => layer.Name));
        // Nine tokens of 32 features share a weight of eight rows.
        Assert.Equal((288, 9, 8), (plan.Layers[1].Input, plan.Layers[1].Unknowns, plan.Layers[1].Equations));
        Assert.StartsWith("8 features in front of head are known exactly; further down nothing is solved for: LayerNorm hides the mean",
            plan.Sentences[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_transformer_is_read_at_its_patch_embedding_where_positions_are_learned()
    {
        Network Of(params Layer[] embedding) => new(new(3, 12, 12), 10, [new Conv2d("patch", 3, 48, 4, 4), new ImageToTokens(),
            .. embedding, new Residual([new LayerNorm("norm", [48]), new Linear("packed", 48, 144), new Attention(4, 0.3),
                new Linear("out", 48, 48)], []), new TokenMean(), new Linear("head", 48, 10)]);
        var plan = Plan(Of(new ClassToken("token", [1, 1, 48]), new PositionalEmbedding("places", [1, 10, 48])));
        Assert.Equal(("patch", LayerReading.Exact, ImagePromise.Exact), (plan.Layers[0].Name, plan.Layers[0].Reading, plan.Promise));
        // A linear layer of as many rows as there are tokens is no positional embedding.
        var without = Plan(Of(new Linear("pretender", 48, 10), new Linear("again", 10, 48)));
        Assert.Equal("head", without.Layers[0].Name);
        Assert.Contains("attention mixes the tokens, and LayerNorm hides", without.Sentences[0], StringComparison.Ordinal);
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

    [Fact]
    public void What_no_window_reads_is_not_promised()
    {
        var tanh = new Activation(ActivationKind.Tanh);
        InversionPlan Of(int width, int padding) => Plan(new(new(1, 8, width), 10, [new Conv2d("a", 1, 17, 4, 2, padding), tanh,
            new Flatten(), new Linear("b", 17 * (8 - 4 + 2 * padding + 2) / 2 * ((width - 4 + 2 * padding) / 2 + 1), 10)]));
        Assert.Equal(ImagePromise.Exact, Of(8, 0).Promise);
        var plan = Of(9, 0);
        Assert.Equal(ImagePromise.Plausible, plan.Promise);
        Assert.Contains("8 numbers of the image are in no window of a", plan.Sentences[0], StringComparison.Ordinal);
        Assert.Equal(ImagePromise.Exact, Of(9, 1).Promise);
    }

    /// <summary>The first of those that "bench/Afterimage.Benchmarks -- promises N SEED" goes through.</summary>
    [Fact]
    [Trait("Category", "slow")]
    public void Promises_for_random_networks_are_kept()
    {
        for (var number = 0; number < 7; number++)
            Assert.InRange(PlannedGraph.Psnr(PlannedGraph.Draw(77, number), 60, out _), 50, double.PositiveInfinity);
    }
}
