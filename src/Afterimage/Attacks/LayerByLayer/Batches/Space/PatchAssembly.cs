using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A map from its patches by least squares over everything that reads the same number. Where the patches lack their mean, as behind
/// BatchNorm in train mode, it is found with them: patches that reach over the border tell it, for the padding is zero.
/// </summary>
internal sealed class PatchAssembly
{
    private readonly Tensor inverse;
    private readonly Tensor system;
    private readonly ConvolutionMap map;

    public PatchAssembly(BatchLayer layer)
    {
        map = layer.Map;
        // One channel is as good as any.
        var one = new ConvolutionMap(layer.Conv with { Input = 1, Output = 1 }, [1, map.Input[1], map.Input[2]]);
        var reads = one.Reads();
        var (taps, places) = (reads.shape[0], reads.shape[1]);
        system = nn.functional.one_hot(reads.reshape(-1), map.Places + 1).to(ScalarType.Float64).narrow(1, 1, map.Places);
        if (layer.Centered)
            system = cat([system, -eye(taps, dtype: ScalarType.Float64).repeat_interleave(places, 0)], 1);
        inverse = Factorization.PseudoInverse(system, "The system of a map's patches");
    }

    /// <summary>[B,C,H,W].</summary>
    /// <param name="patches">[B, places, C * kernel * kernel].</param>
    public Tensor Map(Tensor patches)
    {
        var (batch, places) = (patches.shape[0], patches.shape[1]);
        var byTap = patches.reshape(batch, places, map.Input[0], -1).permute(3, 1, 0, 2).reshape(system.shape[0], -1);
        return inverse.narrow(0, 0, map.Places).matmul(byTap).reshape(map.Places, batch, map.Input[0]).permute(1, 2, 0)
            .reshape([batch, .. map.Input]);
    }
}
