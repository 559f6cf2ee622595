using System.Security.Cryptography;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>What holds for the forward operator of every built-in model, in double precision.</summary>
[Trait("Category", "slow")]
public class OperatorLawTests
{
    private const int Batch = 3, Classes = 4;

    /// <summary>Name, model, image shape, and whether its gradient is differentiable everywhere.</summary>
    private static readonly Dictionary<string, (Architecture Model, ImageShape Input, bool IsSmooth)> Models = new()
    {
        ["mlp"] = (new Mlp { Width = 12 }, new(1, 6, 6), false),
        ["mlp tanh"] = (new Mlp { Width = 12, Activation = ActivationKind.Tanh }, new(1, 6, 6), true),
        ["mlp gelu"] = (new Mlp { Width = 12, Activation = ActivationKind.Gelu }, new(1, 6, 6), true),
        ["mlp silu"] = (new Mlp { Width = 12, Activation = ActivationKind.Silu }, new(1, 6, 6), true),
        ["mlp softplus"] = (new Mlp { Width = 12, Activation = ActivationKind.Softplus }, new(1, 6, 6), true),
        ["mlp soft leaky"] = (new Mlp { Width = 12, Activation = ActivationKind.SoftLeakyReLU }, new(1, 6, 6), true),
        ["mlp leaky"] = (new Mlp { Width = 12, Activation = ActivationKind.LeakyReLU }, new(1, 6, 6), false),
        ["lenet"] = (new LeNet(), new(3, 16, 16), true),
        ["lenet default"] = (new LeNet { Initialization = LeNetInitialization.Default }, new(1, 28, 28), true),
        ["convnet"] = (new ConvNet { Width = 2 }, new(3, 12, 12), false),
        ["resnet 20"] = (new ResNet { Depth = 20 }, new(3, 8, 8), false),
        ["resnet 18"] = (new ResNet(), new(3, 8, 8), false),
    };

    /// <summary>Train mode is another operator only where there is BatchNorm.</summary>
    public static TheoryData<string, ModelMode> Cases => new(Models.SelectMany(pair =>
        (pair.Value.Model is ConvNet or ResNet ? Enum.GetValues<ModelMode>() : [ModelMode.Eval]).Select(mode => (pair.Key, mode))));

    private static VictimModel Open(string name) => (Models[name].Model with
    {
        Normalization = new(Enumerable.Repeat(0.45, Models[name].Input.Channels).ToValueList(),
            Enumerable.Repeat(0.25, Models[name].Input.Channels).ToValueList()),
    }).Open(Models[name].Input, Classes, new(4), ScalarType.Float64, CPU);

    private static Tensor Images(VictimModel model, string stream, int batch = Batch)
    {
        using var generator = new RandomSource(2).Derive(stream).Generator(CPU);
        long[] shape = [batch, model.Input.Channels, model.Input.Height, model.Input.Width];
        return rand(shape, ScalarType.Float64, CPU, generator: generator).to(model.Type);
    }

    private static Tensor Targets(VictimModel model, int batch = Batch) =>
        new Labels(Enumerable.Range(0, batch).Select(i => i % Classes).ToValueList(), []).Targets(Classes, model.Type, CPU);

    [Theory, MemberData(nameof(Cases))]
    public void PullbackAndPushforwardAreAdjointAndLeaveNoTrace(string name, ModelMode mode)
    {
        using var _ = NewDisposeScope();
        using var model = Open(name);
        var before = Snapshot(model);
        var images = Images(model, "x", 2);
        LocalTraining[] trainings = [new FedSgd { Mode = mode }, new FedAvg { Mode = mode, BatchSize = 1, LearningRate = 0.1 }];
        foreach (var training in mode == ModelMode.Train ? trainings[..1] : trainings)
        {
            var at = training.Linearize(model, new(images, Targets(model, 2)));
            var u = Images(model, "u", 2) - 0.5;
            var v = new GradientSet(model.Layout, randn_like(at.Value.Flat, new RandomSource(6)));
            var pushed = at.Pushforward(u).Flat;
            var (left, right) = ((pushed * v.Flat).sum().ToDouble(), (u * at.Pullback(v).Inputs).sum().ToDouble());
            Assert.InRange(Math.Abs(left - right) / (pushed.norm() * v.Flat.norm()).ToDouble(), 0, 1e-12);
        }
        Assert.Equal(before, Snapshot(model));
    }

    [Theory]
    [InlineData(ResNetStem.Cifar)]
    [InlineData(ResNetStem.ImageNet)]
    public void ResNet18InTrainModeLeavesNoTrace(ResNetStem stem)
    {
        using var _ = NewDisposeScope();
        using var model = new ResNet { Stem = stem }.Open(new(3, 8, 8), Classes, new(4), ScalarType.Float32, CPU);
        var before = Snapshot(model);
        var at = new FedSgd { Mode = ModelMode.Train }.Linearize(model, new(Images(model, "x", 2), Targets(model, 2)));
        Assert.True(at.Pullback(at.Value).Inputs.abs().sum().ToDouble() > 0);
        Assert.Equal(before, Snapshot(model));
    }

    [Theory, MemberData(nameof(Cases))]
    public void AnUpdateWithoutAGraphIsTheSame(string name, ModelMode mode)
    {
        using var _ = NewDisposeScope();
        using var model = Open(name);
        var (training, batch) = (new FedSgd { Mode = mode }, new Batch(Images(model, "x", 2), Targets(model, 2)));
        var (alone, graph) = (training.Evaluate(model, batch).Flat, training.Linearize(model, batch).Value.Flat);
        Assert.False(alone.requires_grad);
        Assert.InRange(((alone - graph).norm() / graph.norm()).ToDouble(), 0, 1e-12);
    }

    [Theory, MemberData(nameof(Cases))]
    public void ProductsAgreeWithFiniteDifferences(string name, ModelMode mode)
    {
        using var _ = NewDisposeScope();
        using var model = Open(name);
        var images = Images(model, "x");
        var u = Images(model, "u") - 0.5;
        var training = new FedSgd { Mode = mode };
        var exact = training.Linearize(model, new(images, Targets(model))).Pushforward(u).Flat;
        // Where ReLU or max pooling switches between the two points, the difference quotient has a jump: a small step avoids most.
        var h = Models[name].IsSmooth ? 1e-5 : 1e-7;
        var difference = (training.Linearize(model, new(images + h * u, Targets(model))).Value.Flat
            - training.Linearize(model, new(images - h * u, Targets(model))).Value.Flat) / (2 * h);
        Assert.InRange(((difference - exact).norm() / exact.norm()).ToDouble(), 0, Models[name].IsSmooth ? 1e-8 : 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void FedAvgWithOneFullBatchStepIsAScaledGradient(string name, ModelMode mode)
    {
        using var _ = NewDisposeScope();
        using var model = Open(name);
        var gradient = new FedSgd { Mode = mode }.Linearize(model, new(Images(model, "x"), Targets(model))).Value.Flat;
        var step = new FedAvg { Mode = mode, BatchSize = Batch, LearningRate = 0.03 }
            .Linearize(model, new(Images(model, "x"), Targets(model))).Value.Flat;
        Assert.InRange(((step + 0.03 * gradient).norm() / (0.03 * gradient).norm()).ToDouble(), 0, 1e-12);
    }

    [Theory, MemberData(nameof(Cases))]
    public void UnrolledFedAvgIsTheNaiveLoop(string name, ModelMode mode)
    {
        const double Rate = 0.02;
        using var _ = NewDisposeScope();
        using var model = Open(name);
        var (images, targets) = (Images(model, "x", 5), Targets(model, 5));
        var training = new FedAvg { Mode = mode, Epochs = 2, BatchSize = 3, LearningRate = Rate };
        var unrolled = training.Linearize(model, new(images, targets)).Value.Flat;

        using var client = model.To(ScalarType.Float64, CPU);
        for (var epoch = 0; epoch < training.Epochs; epoch++)
            foreach (var (from, count) in new[] { (0, 3), (3, 2) })
            {
                var loss = nn.functional.cross_entropy(client.Logits(images.narrow(0, from, count), mode), targets.narrow(0, from, count));
                var gradients = autograd.grad([loss], [.. client.Parameters]);
                using var __ = no_grad();
                foreach (var (parameter, gradient) in client.Parameters.Zip(gradients))
                    parameter.sub_(gradient * Rate);
            }
        var naive = cat([.. client.Parameters.Zip(model.Parameters, (after, before) => (after - before).detach().reshape(-1))]);
        Assert.InRange(((unrolled - naive).norm() / naive.norm()).ToDouble(), 0, 1e-10);
    }

    private static Tensor randn_like(Tensor like, RandomSource random)
    {
        using var generator = random.Generator(CPU);
        return randn(like.shape, like.dtype, CPU, generator: generator);
    }

    private static List<string> Snapshot(VictimModel model) =>
        [.. model.Parameters.Concat(model.Buffers.OrderBy(pair => pair.Key).Select(pair => pair.Value))
            .Select(tensor => Convert.ToHexString(SHA256.HashData(tensor.detach().bytes)))];
}
