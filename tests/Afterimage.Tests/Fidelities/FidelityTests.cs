using Afterimage.Fidelities;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.Fidelities;

public class FidelityTests
{
    /// <summary>Such is the bias of a convolution in front of BatchNorm in train mode: zero, but for rounding.</summary>
    [Theory]
    [InlineData(LayerWeighting.InverseRms)]
    [InlineData(LayerWeighting.InverseRootRms)]
    public void A_tensor_that_holds_only_rounding_has_no_weight(LayerWeighting layers)
    {
        using var scope = NewDisposeScope();
        TensorLayout layout = new([("weight", [3]), ("bias", [2])]);
        GradientSet Update(double rounding) => new(layout, tensor([0.5, -1, 2, rounding, -rounding]));
        var misfit = new Euclidean { Layers = layers }.Against(Update(3e-16));
        Assert.Equal(0, misfit.Evaluate(Update(-2e-16)).Value);
        Assert.True(new Euclidean { Layers = layers }.Against(Update(3e-8)).Evaluate(Update(-2e-8)).Value > 0);
    }
}
