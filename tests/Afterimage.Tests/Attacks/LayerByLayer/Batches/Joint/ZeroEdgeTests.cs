using Afterimage.Attacks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class ZeroEdgeTests
{
    [Theory, InlineData(1e-6), InlineData(1e-5), InlineData(1e-4)]
    public void Zeros_end_where_errors_of_any_size_have_spread_them(double spread)
    {
        using var scope = NewDisposeScope();
        var edge = ZeroEdge.Of(Values(spread));
        Assert.InRange(edge, spread, 20 * spread);
    }

    [Fact]
    public void Zeros_that_reach_into_the_values_have_no_end_among_them()
    {
        using var scope = NewDisposeScope();
        Assert.InRange(ZeroEdge.Of(Values(0.02)), 0, 1e-5);
    }

    /// <summary>Half of them zero, spread as where the smallest is moved to zero.</summary>
    private static Tensor Values(double spread)
    {
        using var generator = new RandomSource(3).Generator(CPU);
        var values = randn([20_000], ScalarType.Float64, generator: generator).relu();
        return values + spread * (values == 0) * rand([20_000], ScalarType.Float64, generator: generator);
    }
}
