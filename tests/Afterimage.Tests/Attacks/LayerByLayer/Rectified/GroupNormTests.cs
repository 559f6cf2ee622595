using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>Layers with GroupNorm, whose gradients automatic differentiation makes.</summary>
public class GroupNormTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Fact]
    public void Near_an_input_products_are_derivatives_and_their_transposes()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(1).Generator(CPU);
        var layer = Layer.Of(8, 6, 12, 4, generator);
        var x = layer.Input;
        var near = layer.Block.Near(x);
        var (change, gradient) = (randn(x.shape, Double, generator: generator), randn([1, 12, 6, 6], Double, generator: generator));
        var moved = (layer.Block.Before(x + 1e-6 * change) - layer.Block.Before(x - 1e-6 * change)) / 2e-6;
        Assert.InRange(Distance(near.Multiply(change), moved), 0, 1e-6);
        Assert.Equal((near.Multiply(change) * gradient).sum().ToDouble(), (change * near.Transpose(gradient)).sum().ToDouble(), 9);
        Assert.InRange(Distance(near.Arriving(layer.Gates * layer.Gradient), layer.PreActivationGradient), 0, 1e-9);
    }

    /// <summary>Nothing is known of what leaves but which ReLUs are on, and two of these are wrong.</summary>
    [Fact]
    public void An_input_behind_group_norm_follows_up_to_its_scale_from_the_weight_gradient()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(2).Generator(CPU);
        var layer = Layer.Of(8, 5, 24, 4, generator);
        var gates = layer.Gates.clone();
        (gates[0, 3, 2, 2], gates[0, 17, 0, 4]) = (1 - gates[0, 3, 2, 2], 1 - gates[0, 17, 0, 4]);
        var found = new DecodedLayer(layer.Block, layer.Gradient).Solve(gates);
        Assert.InRange(found.Residual, 0, DecodedLayer.Exact);
        Assert.True(found.Gates.Equals(layer.Gates));
        var factor = (found.Input * layer.Input).sum() / found.Input.square().sum();
        Assert.InRange(Distance(found.Input * factor, layer.Input), 0, 1e-4);
    }

    [Fact]
    public void The_shifts_gradient_in_front_tells_the_scale_even_where_one_sum_is_wrong()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 9, 4, 4], Double, generator: generator).relu();
        var (falling, constant) = (randn([1, 9, 4, 4], Double, generator: generator), randn([1, 9, 4, 4], Double, generator: generator));
        var shiftGradient = ((falling / 2.5 + constant) * (input > 0)).sum([0, 2, 3]);
        shiftGradient[4] += 3;
        Assert.Equal(2.5, new HiddenScale(shiftGradient).Factor(input, falling, constant), 6);
        Assert.Equal(1.0, new HiddenScale(-shiftGradient).Factor(input, falling));
    }

    /// <summary>What leaves is known, so that fewer equations of dL/dW are enough.</summary>
    [Fact]
    public void An_input_follows_from_what_leaves_and_the_weight_gradient()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        var layer = Layer.Of(6, 8, 16, 4, generator);
        var output = layer.Block.Forward(layer.Input);
        var gradient = layer.Block.Back(layer.PreActivationGradient);
        var scale = new HiddenScale((gradient * (layer.Input > 0)).sum([0, 2, 3]));
        var guess = layer.Input * (1 + 0.1 * randn(layer.Input.shape, Double, generator: generator));
        var found = new GroupedLayer(layer.Block, output, layer.Gradient, scale).Solve(guess);
        Assert.InRange(Distance(found.Input, layer.Input), 0, 1e-5);
        Assert.InRange(Distance(found.PreActivationGradient, layer.PreActivationGradient), 0, 1e-5);
    }

    private static double Distance(Tensor found, Tensor wanted) => ((found - wanted).norm() / wanted.norm()).ToDouble();

    /// <summary>A layer, what it takes in, which of its ReLUs are on, dL/du where they all are, and dL/dz.</summary>
    private sealed record Layer(RectifiedBlock Block, Tensor Input, Tensor Gates, Tensor Gradient, Tensor PreActivationGradient)
    {
        public static Layer Of(int channels, int size, int outputs, int groups, Generator generator)
        {
            Tensor Random(params long[] shape) => randn(shape, Double, CPU, generator: generator);
            var input = Random(1, channels, size, size).relu();
            var weight = (Random(outputs, channels, 3, 3) / 5).requires_grad_();
            var (scale, shift) = ((1 + 0.2 * Random(outputs)).requires_grad_(), (0.2 * Random(outputs)).requires_grad_());
            var z = nn.functional.conv2d(input, weight, padding: [1, 1]);
            var u = nn.functional.group_norm(z, groups, scale, shift, 1e-5);
            var (gates, gradient) = ((u > 0).to(Double).detach(), Random(1, outputs, size, size));
            var found = Differentiate.Gradients((u * gates * gradient).sum(), [weight, scale, shift, z]);
            var conv = new Conv2d("conv", channels, outputs, 3, 1, 1, Bias: false);
            var form = new BlockForm(conv, null, null, [channels, size, size])
            {
                Groups = new GroupNorm("norm", groups, outputs),
            };
            var block = new RectifiedBlock(form, weight.detach(), null, scale.detach().reshape(1, -1, 1, 1),
                shift.detach().reshape(1, -1, 1, 1), found[0], null)
            {
                Group = GroupScaling.Of(groups, 1e-5, (long)size * size, scale.detach(), found[1], found[2]),
            };
            return new(block, input, gates, gradient, found[3]);
        }
    }
}
