using Afterimage.Compiled;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

public class OperatorTests
{
    private static Tensor Draw(ulong seed, ScalarType type, params long[] shape)
    {
        using var generator = new Generator(seed, CPU);
        return rand(shape, type, CPU, generator: generator);
    }

    private static double Distance(Tensor a, Tensor b) => ((a - b).norm() / b.norm()).item<double>();

    [Fact]
    public void Both_implementations_give_the_same_products()
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(Architectures.Named("lenet"), 1).To(ScalarType.Float64, CPU);
        using var graph = new FedSgd().Operator(model, 2, OperatorChoice.Autograd);
        using var compiled = new FedSgd().Operator(model, 2, OperatorChoice.Compiled);
        var (images, targets) = (Draw(1, ScalarType.Float64, 2, 3, 32, 32), Draw(2, ScalarType.Float64, 2, 10));
        var (expected, found) = (graph.At(new(images, targets)), compiled.At(new(images, targets)));
        Assert.True(Distance(found.Value.Flat, expected.Value.Flat) < 1e-11);
        var v = new GradientSet(model.Layout, Draw(3, ScalarType.Float64, model.Layout.Count));
        var (expectedPull, foundPull) = (expected.Pullback(v), found.Pullback(v));
        Assert.True(Distance(foundPull.Inputs, expectedPull.Inputs) < 1e-11);
        Assert.True(Distance(foundPull.Targets, expectedPull.Targets) < 1e-11);
        var u = Draw(4, ScalarType.Float64, 2, 32, 32, 3).permute(0, 3, 1, 2);
        Assert.True(Distance(found.Pushforward(u).Flat, expected.Pushforward(u).Flat) < 1e-11);
    }

    [Fact]
    public void A_point_stays_valid_when_the_operator_has_moved_on()
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(Architectures.Named("lenet"), 1);
        using var compiled = new FedSgd().Operator(model, 1, OperatorChoice.Compiled);
        var images = Draw(1, ScalarType.Float32, 1, 3, 32, 32);
        var targets = Draw(2, ScalarType.Float32, 1, 10);
        var point = compiled.At(new(images, targets));
        var before = point.Pullback(point.Value).Inputs;
        var other = compiled.At(new(images * 0.5, targets));
        images.zero_();
        var after = point.Pullback(point.Value).Inputs;
        Assert.True(before.equal(after).all().item<bool>());
        Assert.False(other.Pullback(point.Value).Inputs.equal(before).all().item<bool>());
    }

    [Fact]
    public void One_operator_serves_several_threads_with_the_same_numbers()
    {
        using var model = Architectures.Model(Architectures.Named("convnet"), 1);
        using var compiled = new FedSgd().Operator(model, 1, OperatorChoice.Compiled);
        float[] Solve(int seed)
        {
            using var scope = NewDisposeScope();
            var x = Draw((ulong)seed, ScalarType.Float32, 1, 3, 16, 16);
            var targets = Draw(100, ScalarType.Float32, 1, 10);
            for (var i = 0; i < 5; i++)
            {
                var point = compiled.At(new(x, targets));
                x = x - 0.01 * point.Pullback(point.Value).Inputs;
            }
            return x.data<float>().ToArray();
        }
        var alone = Enumerable.Range(0, 8).Select(Solve).ToArray();
        foreach (var threads in new[] { 2, 3 })
        {
            var together = new float[8][];
            Parallel.For(0, 8, new() { MaxDegreeOfParallelism = threads }, i => together[i] = Solve(i));
            Assert.All(Enumerable.Range(0, 8), i => Assert.Equal(alone[i], together[i]));
        }
    }

    [Fact]
    public void Auto_says_why_it_chose()
    {
        using var model = Architectures.Model(Architectures.Named("lenet"), 1);
        using var chosen = new FedSgd().Operator(model, 1);
        Assert.Equal("compiled", chosen.Name);
        Assert.Contains("ms compiled and", chosen.Reason);
        using var averaging = new FedAvg().Operator(model, 1);
        Assert.Equal(("autograd", "Federated averaging unrolls its local steps, so the operator is automatic differentiation."),
            (averaging.Name, averaging.Reason));
        using var dropping = Architectures.Model(
            new(new(3, 4, 4), 2, [new Flatten(), new Dropout("drop", 0.5), new Linear("head", 48, 2)]), 1);
        using var training = new FedSgd { Mode = ModelMode.Train }.Operator(dropping, 2);
        Assert.Equal("autograd", training.Name);
        Assert.Contains("Dropout in train mode", training.Reason);
        var refusal = Assert.Throws<AfterimageException>(() => new FedAvg().Operator(model, 1, OperatorChoice.Compiled));
        Assert.Equal("Federated averaging unrolls its local steps, so the operator cannot be compiled: choose auto or autograd.",
            refusal.Message);
    }

    [Fact]
    public void A_batch_without_statistics_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(
            new(new(3, 4, 4), 2, [new GlobalAvgPool2d(), new BatchNorm2d("norm", 3), new Flatten(), new Linear("head", 3, 2)]), 1);
        using var compiled = new FedSgd { Mode = ModelMode.Train }.Operator(model, 1, OperatorChoice.Compiled);
        Assert.Equal("norm sees one value per channel, so train mode has no statistics: use a batch of two or more.",
            Assert.Throws<AfterimageException>(() => compiled.At(new(zeros(1, 3, 4, 4), zeros(1, 2)))).Message);
    }

    [Fact]
    public void Wrong_shapes_and_types_are_refused_with_a_sentence()
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(Architectures.Named("lenet"), 1);
        using var compiled = new FedSgd().Operator(model, 1, OperatorChoice.Compiled);
        var targets = zeros(1, 10);
        Assert.Contains("3x32x32", Assert.Throws<AfterimageException>(() => compiled.At(new(zeros(1, 3, 16, 16), targets))).Message);
        Assert.Contains("[1,10]", Assert.Throws<AfterimageException>(() => compiled.At(new(zeros(1, 3, 32, 32), zeros(2, 10)))).Message);
        Assert.Contains("convert it", Assert.Throws<AfterimageException>(() =>
            compiled.At(new(zeros(1, 3, 32, 32, ScalarType.Float64), targets))).Message);
    }
}
