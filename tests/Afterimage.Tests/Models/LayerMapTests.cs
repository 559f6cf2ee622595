using Afterimage.Models;
using Afterimage.Numerics;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

public class LayerMapTests
{
    private static readonly Gen<Setting> Linears = Gen.Select(Gen.Int[1, 7], Gen.Int[1, 7], Gen.Int[1, 3], Gen.Int[0, 1000])
        .Select((input, output, batch, seed) => new Setting(new Linear("layer", input, output), [input], batch, seed));

    private static readonly Gen<Setting> Convolutions =
        from groups in Gen.Int[1, 3]
        from channels in Gen.Int[1, 2]
        from outputs in Gen.Int[1, 2]
        from kernel in Gen.Int[1, 3]
        from stride in Gen.Int[1, 3]
        from padding in Gen.Int[0, 2]
        from dilation in Gen.Int[1, 2]
        from height in Gen.Int[5, 8]
        from width in Gen.Int[5, 8]
        from batch in Gen.Int[1, 3]
        from seed in Gen.Int[0, 1000]
        let layer = new Conv2d("layer", groups * channels, groups * outputs, kernel, stride, padding, dilation, groups)
        select new Setting(layer, [groups * channels, height, width], batch, seed);

    private static readonly Gen<Setting> Tokens =
        Gen.Select(Gen.Int[1, 5], Gen.Int[1, 7], Gen.Int[1, 7], Gen.Int[1, 3], Gen.Int[0, 1000])
        .Select((tokens, input, output, batch, seed) => new Setting(new Linear("layer", input, output), [tokens, input], batch, seed));

    private static readonly Gen<Setting> Settings = Gen.OneOf(Linears, Tokens, Convolutions, Convolutions);

    [Fact]
    public void The_transpose_is_adjoint() => Sample(setting =>
    {
        var (map, weight, x, gradient) = setting.Draw();
        var z = map.Apply(weight, x);
        Assert.Equal(gradient.shape, z.shape);
        Near((z * gradient).sum(), (x * map.Transpose(weight, gradient)).sum());
        Near((z * gradient).sum(), (weight * map.WeightGradient(x, gradient)).sum());
    });

    [Fact]
    public void Gradients_are_those_of_automatic_differentiation() => Sample(setting =>
    {
        var (map, weight, x, gradient) = setting.Draw();
        (weight, x) = (weight.requires_grad_(), x.requires_grad_());
        var bias = zeros(weight.shape[0], ScalarType.Float64);
        (map.Apply(weight, x, bias) * gradient).sum().backward();
        Near(weight.grad!, map.WeightGradient(x, gradient));
        Near(x.grad!, map.Transpose(weight, gradient));
    });

    [Fact]
    public void A_weight_gradient_is_linear_in_the_input() => Sample(setting =>
    {
        var (map, _, x, gradient) = (setting with { Batch = 1 }).Draw();
        var weightGradient = map.WeightGradient(x, gradient);
        for (var group = 0; group < map.Groups; group++)
        {
            var system = map.System(gradient, group);
            Assert.Equal(new[] { map.Equations, map.Places }, system.shape);
            Near(map.Target(weightGradient, group), map.Times(system, x, group));
        }
        if (map.Groups == 1)
            Near(x, map.Image(map.Columns(x)));
    });

    [Fact]
    public void Patches_are_what_is_read() => Sample(setting =>
    {
        var (map, _, x, _) = (setting with { Batch = 1 }).Draw();
        if (map is ConvolutionMap convolution)
            Near(convolution.Patches(x), cat([zeros(1, ScalarType.Float64), x.flatten()])[convolution.Reads()]);
    });

    [Fact]
    public void Layers_without_a_weight_have_no_map() => Assert.Contains("Flatten has no weight",
        Assert.Throws<AfterimageException>(() => LayerMap.Of(new Flatten(), [1, 2, 2])).Message, StringComparison.Ordinal);

    private static void Sample(Action<Setting> law) => Settings.Sample(setting =>
    {
        using var scope = Tidy.Scope();
        law(setting);
    }, iter: 60, threads: 1);

    private static void Near(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - actual).abs().max().ToDouble() <= 1e-11 * (1 + expected.abs().max().ToDouble()));
    }

    private sealed record Setting(Layer Layer, long[] Input, int Batch, int Seed)
    {
        public (LayerMap Map, Tensor Weight, Tensor X, Tensor Gradient) Draw()
        {
            using var generator = new RandomSource((ulong)Seed).Generator(CPU);
            Tensor Normal(params long[] shape) => randn(shape, ScalarType.Float64, generator: generator);
            var map = LayerMap.Of(Layer, Input);
            return (map, Normal([.. Layer.Parameters.First().Shape]), Normal([Batch, .. Input]), Normal([Batch, .. map.Output]));
        }
    }
}
