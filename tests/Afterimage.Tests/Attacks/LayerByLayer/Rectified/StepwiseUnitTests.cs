using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>Residual networks whose units are solved one convolution after the other.</summary>
public class StepwiseUnitTests
{
    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    /// <summary>Bottlenecks with biases in the place of normalizations, the second of which strides.</summary>
    private static Network Bottlenecks(int size)
    {
        static Residual Unit(string name, int from, int inner, int to, int stride) => new(
            [new Conv2d(name + "1", from, inner, 1), ReLU, new Conv2d(name + "2", inner, inner, 3, stride, 1), ReLU,
                new Conv2d(name + "3", inner, to, 1)], from == to ? [] : [new Conv2d(name + "4", from, to, 1, stride)]);
        return new(new(1, size, size), 10,
            [new Conv2d("stem", 1, 192, 3, 1, 1), ReLU, Unit("a", 192, 160, 192, 1), ReLU, Unit("b", 192, 160, 64, 2), ReLU,
                Unit("c", 64, 60, 64, 1), ReLU, new GlobalAvgPool2d(), new Flatten(), new Linear("head", 64, 10)]);
    }

    private static Network Grouped()
    {
        static Layer[] Norm(string name, int from, int to, int kernel, int stride) =>
            [new Conv2d(name, from, to, kernel, stride, kernel / 2, Bias: false), new GroupNorm(name + "n", 4, to)];
        static Residual Unit(string name, int from, int to, int stride) => new(
            [.. Norm(name + "1", from, to, 3, stride), ReLU, .. Norm(name + "2", to, to, 3, 1)],
            from == to ? [] : [.. Norm(name + "3", from, to, 1, stride)]);
        return new(new(1, 8, 8), 10,
            [.. Norm("stem", 1, 24, 3, 1), ReLU, Unit("a", 24, 24, 1), ReLU, Unit("b", 24, 40, 2), ReLU, Unit("c", 40, 40, 1), ReLU,
                new GlobalAvgPool2d(), new Flatten(), new Linear("head", 40, 10)]);
    }

    /// <summary>The way down for whole batches knows units of two convolutions with BatchNorm in eval mode only.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_batch_behind_such_units_is_refused_in_a_sentence(bool bottleneck)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Open(bottleneck ? Bottlenecks(8) : Grouped()), [4, 7]);
        using var found = new BatchSeparation().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("gradient matching", found.Outcome.Advice, StringComparison.Ordinal);
    }

    /// <summary>Behind a pooling that cannot be solved through more is known than leaves it, and no pooling lies between.</summary>
    [Fact]
    public void What_leaves_a_stem_follows_from_more_features_behind_a_unit()
    {
        using var scope = NewDisposeScope();
        using var client = Simulated.Smooth(Simulated.Open(new Network(new(3, 32, 32), 10, [new Conv2d("stem", 3, 8, 7, 2, 3), ReLU,
            new MaxPool2d(3, 2, 1), new Residual([new Conv2d("a1", 8, 16, 1), ReLU, new Conv2d("a2", 16, 16, 3, 1, 1), ReLU,
                new Conv2d("a3", 16, 64, 1)], [new Conv2d("a4", 8, 64, 1)]), ReLU,
            new GlobalAvgPool2d(), new Flatten(), new Linear("head", 64, 10)])), [3]).Context.To(ScalarType.Float64);
        var chain = RectifiedChain.Of(client);
        var images = DummyHead.Draw(client, 81).to(ScalarType.Float32);
        var procedural = new ProceduralFeatures(chain, images.narrow(0, 0, 80), 50);
        var right = chain.Pieces[0].Forward(chain.Model.Normalize(images.narrow(0, 80, 1).to(ScalarType.Float64)));
        using var last = new KnownUnitOutput((ResidualUnit)procedural.Pieces[1], chain.Pieces[1].Forward(right));
        Assert.True(StemSearch.Applies(chain, 2, last));
        var search = new StemSearch(chain, procedural);
        var found = search.Run(2, last, TestContext.Current.CancellationToken);
        Assert.InRange(((found - right).norm() / right.norm()).ToDouble(), 0, 0.01);
        Assert.InRange(search.Residual, 0, 1e-3);
    }

    [Fact]
    public void Every_convolution_of_a_bottleneck_is_planned_for()
    {
        using var model = Simulated.Open(Bottlenecks(8));
        var plan = InversionPlan.Of(model, ModelMode.Eval);
        Assert.Equal(["head", "c2", "c3", "c1", "b3", "b2", "b1", "a3", "a2", "a1", "stem"], plan.Layers.Select(layer => layer.Name));
        Assert.Equal(["c2"], plan.Layers.Where(layer => layer.Reading == LayerReading.Blind).Select(layer => layer.Name));
        Assert.Equal(ImagePromise.Exact, plan.Promise);
    }

    [Fact]
    public void Group_norm_is_planned_for_up_to_the_image_whose_contrast_it_hides()
    {
        using var model = Open(Grouped());
        foreach (var mode in (ModelMode[])[ModelMode.Eval, ModelMode.Train])
        {
            var plan = InversionPlan.Of(model, mode);
            Assert.Equal(["head", "c1", "c2", "b2", "b1", "a2", "a1", "stem"], plan.Layers.Select(layer => layer.Name).Where(name =>
                name != "b3"));
            Assert.Equal(LayerReading.Search, plan.Layers[^1].Reading);
        }
    }

    [Fact]
    [Trait("Category", "slow")]
    public void Bottlenecks_are_solved_through_to_the_image()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(6).Generator(CPU);
        var client = Simulated.Of(Open(Bottlenecks(8)), rand([1, 1, 8, 8], generator: generator), [4], new FedSgd(), new(1));
        using var found = new RectifiedRecursion { Images = 10, Steps = 0 }.Run(client.Context);
        var notes = string.Join("\n", found.Evidence);
        Assert.True(found.Evidence.OfType<LayerSolved>().Any(layer => layer.Layer == "a1, a2, a3"), notes);
        Assert.True(client.Judge(found).Psnr[0] > 60, $"{client.Judge(found).Psnr[0]}\n{notes}");
    }

    [Fact]
    [Trait("Category", "slow")]
    public void Units_with_group_norm_are_solved_through_and_the_image_is_found_with_its_contrast()
    {
        Assert.SkipWhen(ConvolutionCheck.Note is not null, "Known fault: where oneDNN was replaced, the features are left at 3 %.");
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Open(Grouped()), [4]);
        using var found = new RectifiedRecursion { Images = 50 }.Run(client.Context);
        var notes = string.Join("\n", found.Evidence);
        Assert.Contains(found.Evidence, note => note is LayerSolved { Layer: "a1, a2" });
        Assert.True(client.Judge(found).Psnr[0] > 40, $"{client.Judge(found).Psnr[0]}\n{notes}");
    }

    /// <summary>Normalizations near one and zero; other weights that keep the size of features, and smaller biases.</summary>
    private static NetworkModel Open(Network network)
    {
        using var generator = new RandomSource(2).Generator(CPU);
        var parameters = network.Parameters.Select(spec =>
        {
            var random = rand([.. spec.Shape], ScalarType.Float32, CPU, generator: generator) - 0.5;
            return spec.Role switch
            {
                ParameterRole.NormalizationWeight => 1 + 0.2 * random,
                ParameterRole.NormalizationBias => 0.2 * random,
                _ => random * (2 * Math.Sqrt(spec.Shape.Count > 1 ? 6 : 1) / Math.Sqrt(spec.FanIn)),
            };
        }).ToArray();
        return new(network, Normalization.None(network.Input.Channels), parameters, []);
    }
}
