using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class DiffusionModelTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void It_is_differentiable_in_images_and_parameters(int classes)
    {
        using var model = Random(classes);
        using var scope = NewDisposeScope();
        var (noisy, towards) = (Normal(1, 2, 3, 16, 16), Normal(2, 2, 3, 16, 16));
        var labels = classes > 0 ? tensor(new long[] { 0, 2 }) : null;
        var flat = model.Flat.to(ScalarType.Float64);
        var sigma = tensor(new[] { 0.1, 2.0 });
        Tensor Out(Tensor images, Tensor parameters) => model.With(parameters).Denoise(images, sigma, labels);
        var (leaf, own) = (noisy.detach().requires_grad_(), flat.detach().requires_grad_());
        var gradients = Differentiate.Products([Out(leaf, own)], [leaf, own], [towards]);
        Slope.Agrees(moved => (Out(moved, flat) * towards).sum().ToDouble(), noisy, gradients[0], Normal(3, noisy.shape), 1e-5);
        Slope.Agrees(moved => (Out(noisy, moved) * towards).sum().ToDouble(), flat, gradients[1], Normal(4, flat.shape), 1e-5);
        Assert.Null(Differentiate.Obstacle([Out(leaf, own)], [leaf, own]));
    }

    [Fact]
    public void Before_training_it_is_the_best_guess_without_knowledge()
    {
        using var model = DiffusionModel.Untrained(new() { Side = 8, Width = 8 }, new(1));
        using var scope = NewDisposeScope();
        var noisy = Normal(1, 2, 3, 8, 8).to(ScalarType.Float32);
        // Of pixels with mean 1/2 and deviation 1/4, with noise of deviation 1/4, half of the way to the mean.
        var expected = 0.5 + (noisy - 0.5) / 2;
        Assert.True((model.Denoise(noisy, 0.25, null) - expected).abs().max().ToDouble() < 0.05);
        Assert.True((model.Denoise(noisy, 1e-4, null) - noisy).abs().max().ToDouble() < 1e-3);
    }

    [Fact]
    public void A_seed_means_the_same_samples_and_nothing_is_left_alive()
    {
        var before = Live.Tensors;
        using (var model = Random(3))
        {
            using var scope = NewDisposeScope();
            var labels = tensor(new long[] { 1, 2 });
            var first = model.Sample(2, 4, new(1), labels);
            Assert.Equal([2L, 3, 16, 16], first.shape);
            Assert.True(first.equal(model.Sample(2, 4, new(1), labels)).all().ToBoolean());
            Assert.False(first.equal(model.Sample(2, 4, new(2), labels)).all().ToBoolean());
            Assert.InRange(first.max().ToDouble(), 0, 1);
            Refusal.Says("Labels of 2 images", () => model.Sample(2, 4, new(1), zeros(2, 2)));
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Fact]
    public void Noise_levels_fall_as_published()
    {
        var levels = DiffusionModel.Levels(18);
        Assert.Equal(19, levels.Length);
        Assert.Equal([40, 0.001, 0], [levels[0], levels[17], levels[18]], (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal(levels.OrderDescending(), levels);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        using var model = Random(3);
        GeneratorFile.Write(folder["d.safetensors"], model.Settings, model.Flat);
        using var back = DiffusionModel.Load(folder["d.safetensors"]);
        Assert.Equal(model.Settings, back.Settings);
        Assert.True((model.Flat - back.Flat).abs().max().ToDouble() < 2e-3);
        Refusal.Says("d.safetensors is no generator but a diffusion-model",
            () => Afterimage.Networks.Generator.Load(folder["d.safetensors"]));
    }

    /// <summary>Every parameter is drawn, so that none is without effect.</summary>
    private static DiffusionModel Random(int classes)
    {
        using var scope = NewDisposeScope();
        var shape = new DiffusionShape { Side = 16, Width = 8, Classes = classes };
        return DiffusionModel.Of(shape, Normal(5, shape.Layout.Count).to(ScalarType.Float32) * 0.2).Detach();
    }

    private static Tensor Normal(ulong seed, params long[] shape)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return randn(shape, ScalarType.Float64, CPU, generator: generator);
    }
}
