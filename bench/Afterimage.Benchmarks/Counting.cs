using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Benchmarks;

/// <summary>Floating-point operations that the mathematics asks for, two for each multiplication and addition.</summary>
internal static class Counting
{
    /// <summary>
    /// Of one evaluation for one image: products of weights with values in the forward pass, for the gradients, and twice
    /// each for the tangents; the first layer has no input adjoint in A(x) and no input tangent in J'v.
    /// </summary>
    public static double Operations(this Network network)
    {
        var first = true;
        var shape = new long[] { network.Input.Channels, network.Input.Height, network.Input.Width };
        return Sum(network.Layers, ref shape, ref first);
    }

    private static double Sum(ValueList<Layer> layers, ref long[] shape, ref bool first)
    {
        var total = 0.0;
        foreach (var layer in layers)
        {
            foreach (var branch in layer.Branches)
            {
                var before = shape;
                total += Sum(branch, ref before, ref first);
            }
            shape = layer.Follow(shape);
            var products = 2.0 * layer switch
            {
                Linear linear => (double)linear.Input * linear.Output,
                Conv2d conv => (double)conv.Input / conv.Groups * conv.Kernel * conv.Kernel * shape[0] * shape[1] * shape[2],
                _ => 0,
            };
            if (products == 0)
                continue;
            total += products * (first ? 5 : 7);
            first = false;
        }
        return total;
    }
}
