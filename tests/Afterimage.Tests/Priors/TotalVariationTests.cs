using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Priors;

public class TotalVariationTests
{
    private static readonly double[] Std = [0.2, 0.3, 0.25];

    [Fact]
    public void It_is_the_mean_difference_across_plus_that_down_as_the_network_sees_them()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet { Normalization = new([0.4, 0.5, 0.6], Std.ToSeq()) }, shape: new(3, 9, 12));
        var (across, down, image) = (0.0, 0.0, scene.Images);
        for (var b = 0; b < 2; b++)
            for (var c = 0; c < 3; c++)
                for (var y = 0; y < 9; y++)
                    for (var x = 0; x < 12; x++)
                    {
                        double At(int row, int column) => image[b, c, row, column].ToDouble() / Std[c];
                        across += x < 11 ? Math.Abs(At(y, x + 1) - At(y, x)) / (2 * 3 * 9 * 11) : 0;
                        down += y < 8 ? Math.Abs(At(y + 1, x) - At(y, x)) / (2 * 3 * 8 * 12) : 0;
                    }
        Assert.Equal(across + down, new TotalVariation().Bind(scene.Context)(scene.Trial(image)).ToDouble(), 1e-12);
    }

    [Fact]
    public void A_flat_image_has_none_and_an_offset_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var penalty = new TotalVariation { Weight = 7 }.Bind(scene.Context);
        Assert.Equal(0, penalty(scene.Trial(full_like(scene.Images, 0.3))).ToDouble());
        Assert.Equal(penalty(scene.Trial(scene.Images)).ToDouble(), penalty(scene.Trial(scene.Images + 0.1)).ToDouble(), 1e-12);
        Assert.Equal(2 * penalty(scene.Trial(scene.Images)).ToDouble(), penalty(scene.Trial(scene.Images * 2)).ToDouble(), 1e-12);
    }
}
