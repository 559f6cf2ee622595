using Afterimage.Attacks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class HiddenContrastTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Theory]
    [InlineData(0.8), InlineData(1.3)]
    public void Steps_of_pixels_tell_the_contrast(double factor)
    {
        using var scope = NewDisposeScope();
        var (images, center) = Images();
        var found = HiddenContrast.Of(center + ((images * 255).round() / 255 - center) / factor, center);
        Assert.True(found.IsRead);
        Assert.InRange(found.Factor, factor - 1e-4, factor + 1e-4);
    }

    [Fact]
    public void Without_them_some_pixel_is_taken_for_black_or_white()
    {
        using var scope = NewDisposeScope();
        var (images, center) = Images();
        var found = HiddenContrast.Of(center + (images - center) / 1.3, center);
        Assert.False(found.IsRead);
        Assert.InRange(found.Factor, 1.2, 1.4);
    }

    private static (Tensor Images, Tensor Center) Images()
    {
        using var generator = new RandomSource(4).Generator(CPU);
        var images = (0.5 + 0.3 * randn([2, 3, 16, 16], Double, CPU, generator: generator)).clamp(0.01, 0.99);
        return (images, tensor(new[] { 0.485, 0.456, 0.406 }).reshape(1, 3, 1, 1));
    }
}
