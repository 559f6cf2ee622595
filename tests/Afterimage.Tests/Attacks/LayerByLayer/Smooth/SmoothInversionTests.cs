using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer.Smooth;

public class SmoothInversionTests
{
    /// <summary>The recursion solves none of these layers: strides and poolings leave more unknowns than equations.</summary>
    private static readonly Dictionary<string, ValueList<Layer>> Bodies = new()
    {
        ["tanh, strides"] =
        [
            new Conv2d("a", 3, 16, 3, 2, 1), new Activation(ActivationKind.Tanh), new Conv2d("b", 16, 24, 3, 2, 1),
            new Activation(ActivationKind.Tanh), new Flatten(), new Linear("c", 24 * 3 * 4, 10),
        ],
        ["gelu, average pooling, hidden linear layer"] =
        [
            new Conv2d("a", 3, 12, 3, 1, 1, Bias: false), new Activation(ActivationKind.Gelu), new AvgPool2d(2, 2),
            new Conv2d("b", 12, 16, 3, 1, 1), new Activation(ActivationKind.Sigmoid), new Flatten(), new Linear("c", 16 * 6 * 8, 20),
            new Activation(ActivationKind.ReLU), new Linear("d", 20, 10),
        ],
    };

    public static TheoryData<string> Names => [.. Bodies.Keys];

    private static Simulated Round(string name) =>
        Simulated.Smooth(Simulated.Open(new Network(new(3, 12, 16), 10, Bodies[name]).Checked()), [3]);

    [Theory, MemberData(nameof(Names))]
    public void One_image_comes_back_to_the_precision_of_the_update(string name)
    {
        using var scope = NewDisposeScope();
        var scene = Round(name);
        using var found = new SmoothInversion().Run(scene.Context, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        var (psnr, labels) = scene.Judge(found);
        Assert.Equal([3], labels);
        Assert.True(psnr[0] > 75, $"{psnr[0]:F1} dB");
    }

    [Theory, MemberData(nameof(Names))]
    public void Products_are_the_derivative_and_its_transpose(string name)
    {
        using var scope = NewDisposeScope();
        var stages = LayerChain.Of(Round(name).Context).Stages.TakeWhile(stage => stage.Layer is not Linear).ToList();
        using var generator = new RandomSource(2).Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, generator: generator);
        var features = Draw(1, stages[^1].Output[0]);
        using var trunk = new SmoothTrunk(stages, features, Draw(1, stages[^1].Output[0]));
        var (x, u) = (Draw(1, 3, 12, 16), Draw(1, 3, 12, 16));
        const double Step = 1e-6;
        var expected = (trunk.Residual(x + Step * u) - trunk.Residual(x - Step * u)) / (2 * Step);
        var v = Draw(trunk.Residual(x).shape[0]);
        var pushed = trunk.Push(u);
        Assert.InRange(((pushed - expected).norm() / expected.norm()).ToDouble(), 0, 1e-7);
        Assert.InRange(((pushed * v).sum() - (u * trunk.Pull(v)).sum()).abs().ToDouble() / (pushed.norm() * v.norm()).ToDouble(), 0, 1e-12);
    }

    [Fact]
    public void Networks_with_kinks_or_without_convolutions_are_refused()
    {
        using var scope = NewDisposeScope();
        string? Refusal(params ValueList<Layer> layers) => new SmoothInversion().Refusal(
            Simulated.Smooth(Simulated.Open(new Network(new(1, 4, 4), 10, layers).Checked()), [3]).Context);
        Assert.Contains("no convolution", Refusal(new Flatten(), new Linear("a", 16, 10)), StringComparison.Ordinal);
        Assert.Contains("ReLU has a kink", Refusal(new Conv2d("a", 1, 2, 3, 1, 1), new Activation(ActivationKind.ReLU), new Flatten(),
            new Linear("b", 32, 10)), StringComparison.Ordinal);
        Assert.Contains("no bias", Refusal(new Conv2d("a", 1, 2, 3, 1, 1), new Activation(ActivationKind.Tanh), new Flatten(),
            new Linear("b", 32, 10, Bias: false)), StringComparison.Ordinal);
    }
}
