namespace Afterimage.Networks;

/// <summary>
/// Doubling the side of feature maps by linear interpolation, and the adjoint of it, as two products with a small matrix: the same numbers
/// as libtorch's own bilinear interpolation, which takes ten times as long on a CPU.
/// </summary>
internal static class Resizing
{
    /// <summary>[B,C,2H,2W] for [B,C,H,W].</summary>
    public static Tensor Doubled(Tensor maps) => Both(maps, size => Weights(size));

    /// <summary>[B,C,H/2,W/2] for [B,C,H,W] of even sides: averages with the weights 1, 3, 3, 1, which leave no aliases.</summary>
    public static Tensor Halved(Tensor maps) => Both(maps, size => Weights(size / 2).t() / 2);

    private static Tensor Both(Tensor maps, Func<long, Tensor> weights)
    {
        Tensor Along(Tensor side) => side.matmul(weights(side.shape[3]).to(maps.dtype, maps.device));
        return Along(Along(maps).transpose(2, 3)).transpose(2, 3);
    }

    /// <summary>[size,2 size]: pixel centers lie a quarter of the old distance from the nearest old one; the edge repeats itself.</summary>
    private static Tensor Weights(long size)
    {
        var weights = new float[size * 2 * size];
        for (var to = 0L; to < 2 * size; to++)
        {
            var (near, far) = (to / 2, Math.Clamp(to / 2 + (to % 2 == 0 ? -1 : 1), 0, size - 1));
            weights[near * 2 * size + to] += 0.75f;
            weights[far * 2 * size + to] += 0.25f;
        }
        return tensor(weights, size, 2 * size);
    }
}
