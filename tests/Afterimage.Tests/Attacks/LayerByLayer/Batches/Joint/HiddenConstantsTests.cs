using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class HiddenConstantsTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Fact]
    public void The_padding_tells_every_constant_of_a_convolution_without_a_stride()
    {
        using var scope = NewDisposeScope();
        Assert.Null(HiddenConstants.Of([Block(3, 1)]));
    }

    /// <summary>The middle of the kernel reads every second place, and nothing else reads these.</summary>
    [Fact]
    public void A_stride_hides_the_constant_of_places_that_never_meet_the_padding()
    {
        using var scope = NewDisposeScope();
        var sets = HiddenConstants.Of([Block(3, 2), Block(1, 2)])!;
        var even = (arange(6, Double) % 2).eq(0).to(Double);
        Assert.True(sets.Equals(even.unsqueeze(1).matmul(even.unsqueeze(0)).reshape(1, 36)));
    }

    [Fact]
    public void Zeros_of_a_ReLU_tell_the_constant_of_every_channel()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        var sets = HiddenConstants.Of([Block(3, 2)])!;
        var inputs = randn([3, 12, 6, 6], Double, CPU, generator: generator).relu();
        var shifted = inputs + sets.reshape(1, 1, 6, 6) * randn([1, 12, 1, 1], Double, CPU, generator: generator);
        Assert.InRange((HiddenConstants.Told(sets, shifted, full_like(inputs, 1e-9)) - inputs).abs().max().ToDouble(), 0, 1e-8);
    }

    private static RectifiedBlock Block(int kernel, int stride)
    {
        var conv = new Conv2d("conv", 12, 24, kernel, stride, kernel / 2, Bias: false);
        var weights = zeros([24, 12, kernel, kernel], Double);
        var (scale, shift) = (ones([1, 24, 1, 1], Double), zeros([1, 24, 1, 1], Double));
        return new(new(conv, null, null, [12, 6, 6]), weights, null, scale, shift, weights, null);
    }
}
