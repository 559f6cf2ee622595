using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using Afterimage.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;
using Generator = Afterimage.Networks.Generator;

namespace Afterimage.Tests.Networks;

public class GeneratorTests
{
    public static TheoryData<string> Kinds =>
        ["style", "style with classes", "autoencoder", "autoencoder with classes", "script", "scripts"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_stage_has_its_derivative(string kind)
    {
        using var opened = Open(kind);
        using var scope = NewDisposeScope();
        var generator = opened.To(ScalarType.Float64);
        var state = generator.Begin(generator.Draw(2, new(1), ScalarType.Float64, CPU), Labels(generator));
        for (var stage = 0; stage < generator.Stages; stage++)
        {
            var (at, rest) = (state[0], state.Skip(1).ToArray());
            Tensor Out(Tensor moved) => generator.Advance([moved, .. rest], stage)[0];
            var towards = Normal(2, Out(at).shape);
            double Function(Tensor moved) => (Out(moved) * towards).sum().ToDouble();
            var leaf = at.detach().requires_grad_();
            var gradient = Differentiate.Products([Out(leaf)], [leaf], [towards])[0];
            Slope.Agrees(Function, at, gradient, Normal(3, at.shape), 1e-4, step: 1e-7);
            Assert.Null(Differentiate.Obstacle([Out(leaf)], [leaf]));
            state = generator.Advance(state, stage);
        }
        Assert.Equal([2, .. generator.Shape], Assert.Single(state).shape);
        Assert.InRange(state[0].min().ToDouble(), 0, 1);
        Assert.InRange(state[0].max().ToDouble(), 0, 1);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_differentiable_in_its_own_parameters(string kind)
    {
        using var generator = Open(kind);
        using var scope = NewDisposeScope();
        var latents = generator.Draw(2, new(1), ScalarType.Float64, CPU);
        var flat = generator.Flat.to(ScalarType.Float64);
        Tensor Out(Tensor parameters) => generator.With(parameters).Decode(latents, Labels(generator));
        var towards = Normal(2, [2, .. generator.Shape]);
        var leaf = flat.detach().requires_grad_();
        var gradient = Differentiate.Products([Out(leaf)], [leaf], [towards])[0];
        Assert.Equal(generator.Layout.Count, gradient.shape[0]);
        Slope.Agrees(moved => (Out(moved) * towards).sum().ToDouble(), flat, gradient, Normal(3, flat.shape), 1e-4,
            step: 1e-7);
        Assert.Null(Differentiate.Obstacle([Out(leaf)], [leaf]));
        var own = generator.Decode(latents.to(ScalarType.Float32), Labels(generator)).to(ScalarType.Float64);
        Assert.True((own - Out(flat)).abs().max().ToDouble() < 1e-4);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_gives_its_tensors_back_and_a_seed_means_the_same_images(string kind)
    {
        var before = Live.Tensors;
        using (var generator = Open(kind))
        {
            using var scope = NewDisposeScope();
            using var other = generator.To(ScalarType.Float32);
            Tensor Drawn(Generator drawing, ulong seed) =>
                drawing.Decode(drawing.Draw(2, new(seed), ScalarType.Float32, CPU), Labels(drawing));
            Assert.True(Drawn(generator, 1).equal(Drawn(generator, 1)).all().ToBoolean());
            Assert.True(Drawn(generator, 1).equal(Drawn(other, 1)).all().ToBoolean());
            Assert.True((Drawn(generator, 1) - Drawn(generator, 2)).abs().max().ToDouble() > 1e-4);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory]
    [InlineData("style with classes")]
    [InlineData("autoencoder with classes")]
    public void Classes_are_numbers_or_probabilities_or_open(string kind)
    {
        using var generator = Open(kind);
        using var scope = NewDisposeScope();
        var latents = generator.Draw(2, new(1), ScalarType.Float32, CPU);
        var named = generator.Decode(latents, tensor(new long[] { 0, 2 }));
        var likely = generator.Decode(latents, tensor(new float[] { 1, 0, 0, 0, 0, 1 }, 2, 3));
        Assert.True(named.equal(likely).all().ToBoolean());
        var open = generator.Decode(latents, full([2, 3], 1f / 3));
        Assert.True((open - generator.Decode(latents, null)).abs().max().ToDouble() < 1e-6);
        Assert.True((open - named).abs().max().ToDouble() > 1e-4);
        Refusal.Says("Labels of 2 images are 2 whole numbers or probabilities [2,3]", () => generator.Decode(latents, zeros(2, 2)));
        using var without = Open("style");
        Refusal.Says("was trained without classes", () => without.Begin(latents, tensor(new long[] { 0, 2 })));
        Refusal.Says("takes a vector of as many, not one of shape [3]", () => without.With(zeros(3)));
    }

    [Fact]
    public void Styles_scale_and_normalize_the_weights_of_every_image()
    {
        using var generator = StyleGenerator.Untrained(new() { Side = 8, Width = 4, Latent = 3 }, new(1));
        using var scope = NewDisposeScope();
        var network = generator.To(ScalarType.Float64);
        var state = network.Advance(network.Begin(network.Draw(2, new(2), ScalarType.Float64, CPU), null), 0);
        var features = network.Advance(state, 1)[0];
        Tensor Parameter(string name) => new GradientSet(network.Layout, network.Flat)[network.Layout.IndexOf(name)];
        for (var b = 0; b < 2; b++)
        {
            var style = Parameter("conv4.style.weight").matmul(state[0][b]) + Parameter("conv4.style.bias") + 1;
            var weight = Parameter("conv4.weight") * style.view(1, -1, 1, 1);
            weight = weight / weight.square().sum([1, 2, 3], keepdim: true).sqrt();
            var map = nn.functional.conv2d(Parameter("constant"), weight, Parameter("conv4.bias"), padding: [1L, 1]);
            var expected = nn.functional.leaky_relu(map * Math.Sqrt(2 / 1.04), 0.2);
            Assert.True((features[b] - expected[0]).abs().max().ToDouble() < 1e-6);
        }
    }

    [Fact]
    public void Doubling_is_bilinear_interpolation()
    {
        using var scope = NewDisposeScope();
        var maps = Normal(1, [2, 3, 5, 4]);
        var expected = nn.functional.interpolate(maps, [10, 8], mode: InterpolationMode.Bilinear, align_corners: false);
        Assert.True((Resizing.Doubled(maps) - expected).abs().max().ToDouble() < 1e-12);
        var wide = Normal(2, [2, 3, 10, 8]);
        Assert.Equal((expected * wide).sum().ToDouble(), 4 * (maps * Resizing.Halved(wide)).sum().ToDouble(), 1e-9);
    }

    [Fact]
    public void The_one_that_comes_with_afterimage_draws_images_of_ten_classes()
    {
        using var generator = Generator.Shipped();
        using var scope = NewDisposeScope();
        Assert.Equal(([3L, 32, 32], 10), (generator.Shape, generator.Classes));
        var images = generator.Decode(generator.Draw(8, new(1), ScalarType.Float32, CPU), arange(8));
        // Neither one image for all latents, nor gray ones.
        Assert.True(images.std(0, unbiased: true).mean().ToDouble() > 0.05);
        Assert.True(images.std([1], unbiased: true).mean().ToDouble() > 0.02);
    }

    internal static Generator Open(string kind)
    {
        using var scope = NewDisposeScope();
        return kind switch
        {
            "style" => StyleGenerator.Untrained(new() { Side = 16, Width = 8, Latent = 6 }, new(1)).Detach(),
            "style with classes" => StyleGenerator.Untrained(new() { Side = 8, Width = 8, Latent = 6, Classes = 3 }, new(1)).Detach(),
            "autoencoder" => VariationalAutoencoder.Untrained(new() { Side = 16, Width = 8, Latent = 6 }, new(1)).Detach(),
            "autoencoder with classes" =>
                VariationalAutoencoder.Untrained(new() { Side = 8, Width = 8, Latent = 6, Classes = 3, Channels = 1 }, new(1)).Detach(),
            "script" => ScriptedGeneratorTests.Whole(),
            _ => ScriptedGeneratorTests.Staged(),
        };
    }

    private static Tensor? Labels(Generator generator) => generator.Classes > 0 ? tensor(new long[] { 0, 2 }) : null;

    private static Tensor Normal(ulong seed, long[] shape)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return randn(shape, ScalarType.Float64, CPU, generator: generator);
    }
}
