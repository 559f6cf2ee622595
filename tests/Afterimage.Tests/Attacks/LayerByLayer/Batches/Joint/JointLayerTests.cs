using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class JointLayerTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Theory]
    [InlineData(4, 1), InlineData(2, 2)]
    public void All_inputs_of_a_batch_follow_from_one_weight_gradient(int batch, int stride)
    {
        using var scope = NewDisposeScope();
        var (block, input, gradient) = Client(batch, stride);
        var layer = new JointLayer(block, gradient);
        var found = layer.Solve()!;
        Assert.InRange(Distance(found, input), 0, 1e-8);
        Assert.InRange(layer.Left(found).max().ToDouble(), 0, 1e-10);
        Assert.Equal(input.shape, layer.Error!.shape);
    }

    /// <summary>A stride reads the places between others by one number of the kernel only.</summary>
    [Theory]
    [InlineData(12, 1), InlineData(4, 2)]
    public void More_images_than_equations_are_left_open(int batch, int stride)
    {
        using var scope = NewDisposeScope();
        var (block, _, gradient) = Client(batch, stride);
        Assert.Null(new JointLayer(block, gradient).Solve());
    }

    [Fact]
    public void A_layer_that_hardly_determines_its_inputs_is_left_open()
    {
        using var scope = NewDisposeScope();
        var (block, _, gradient) = Client(2, 1);
        // All output channels see alike.
        Assert.Null(new JointLayer(block, gradient[.., ..1].expand(gradient.shape).clone()).Solve());
    }

    /// <summary>What hardly any equation tells comes out large, beside which its error looks small.</summary>
    [Fact]
    public void Large_inputs_of_equations_that_do_not_fit_are_not_believed()
    {
        using var scope = NewDisposeScope();
        var (block, _, gradient) = Client(2, 1);
        Assert.Null(new JointLayer(block, gradient[.., ..1].expand(gradient.shape) + 1e-7 * gradient).Solve());
    }

    [Theory]
    [InlineData(2, true), InlineData(4, false), InlineData(7, false)]
    public void The_inputs_tell_gates_that_were_taken_for_the_opposite(int batch, bool far)
    {
        using var scope = NewDisposeScope();
        var (block, input, open) = Client(batch, 1);
        using var generator = new RandomSource(5).Generator(CPU);
        var values = randn(open.shape, Double, CPU, generator: generator) + 1;
        var gates = (values > 1).to(Double);
        var layer = new JointLayer(With(block, input, gates * open), gates * open);
        var believed = gates.clone();
        believed[1, 3, 2, 2] = 1 - believed[1, 3, 2, 2];
        believed[0, 7, 0, 1] = 1 - believed[0, 7, 0, 1];
        if (!far)
            (values[1, 3, 2, 2], values[0, 7, 0, 1]) = (1, 1);
        var channels = zeros([block.Conv.Output], ScalarType.Bool).index_fill_(0, tensor(new long[] { 3, 7 }), true);
        Assert.True(layer.Decide(input, open, believed, values, channels).Equals(gates));
    }

    private static (RectifiedBlock Block, Tensor Input, Tensor Gradient) Client(int batch, int stride)
    {
        using var generator = new RandomSource(3).Generator(CPU);
        var conv = new Conv2d("conv", 12, 24, 3, stride, 1, Bias: false);
        var input = randn([batch, 12, 5, 5], Double, CPU, generator: generator).relu();
        var output = conv.Follow([12, 5, 5]);
        var gradient = randn([batch, .. output], Double, CPU, generator: generator);
        return (With(new(new(conv, null, null, [12, 5, 5]), zeros([24, 12, 3, 3], Double), null, ones([1, 24, 1, 1], Double),
            zeros([1, 24, 1, 1], Double), zeros([24, 12, 3, 3], Double), null), input, gradient), input, gradient);
    }

    private static RectifiedBlock With(RectifiedBlock block, Tensor input, Tensor gradient) =>
        block with { WeightGradient = block.Map.WeightGradient(input, gradient) };

    private static double Distance(Tensor found, Tensor truth) => ((found - truth).norm() / truth.norm()).ToDouble();
}
