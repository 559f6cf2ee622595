using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>The model's normalization, the only one there is.</summary>
public class NormalizationTests
{
    private static readonly double[] Mean = [0.4, 0.5, 0.6], Std = [0.2, 0.3, 0.25];

    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float32)]
    [InlineData(ScalarType.Float64, ScalarType.Float64)]
    [InlineData(ScalarType.Float64, ScalarType.Float32)]
    public void Every_channel_is_shifted_and_scaled_in_the_precision_of_the_images(ScalarType own, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var model = Open(new(Mean.ToValueList(), Std.ToValueList()), own);
        var images = Images(type);
        var seen = model.Normalize(images);
        Assert.Equal(type, seen.dtype);
        var tolerance = type == ScalarType.Float64 ? 1e-14 : 1e-6;
        for (var channel = 0; channel < 3; channel++)
            Near((images.select(1, channel) - Mean[channel]) / Std[channel], seen.select(1, channel), tolerance);
        Near(images, model.Denormalize(seen), tolerance);
        Near(model.Normalize(images + 0.25) - seen, model.NormalizeChange(full_like(images, 0.25)), tolerance);
        Near(images, model.DenormalizeChange(model.NormalizeChange(images)), tolerance);
    }

    [Fact]
    public void The_network_sees_normalized_images()
    {
        using var scope = NewDisposeScope();
        using var model = Open(new(Mean.ToValueList(), Std.ToValueList()), ScalarType.Float64);
        using var plain = Open(Normalization.None(3), ScalarType.Float64);
        var images = Images(ScalarType.Float64);
        Near(plain.Logits(model.Normalize(images)), model.Logits(images), 0);
    }

    private static VictimModel Open(Normalization normalization, ScalarType type) =>
        new LeNet { Normalization = normalization }.Open(new(3, 8, 8), 4, new(5), type, CPU);

    private static Tensor Images(ScalarType type)
    {
        using var generator = new RandomSource(1).Generator(CPU);
        return rand([2, 3, 8, 8], type, CPU, generator: generator);
    }

    private static void Near(Tensor expected, Tensor actual, double tolerance) =>
        Assert.InRange((expected - actual).abs().max().ToDouble(), 0, tolerance);
}
