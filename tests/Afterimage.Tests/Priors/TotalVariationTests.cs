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
        using var scene = new Scene(new LeNet { Normalization = new([0.4, 0.5, 0.6], Std.ToValueList()) }, shape: new(3, 9, 12));
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Its_isotropic_form_is_the_mean_length_of_the_gradient_without_the_border(bool opponents)
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet { Normalization = new([0.4, 0.5, 0.6], Std.ToValueList()) }, shape: new(3, 7, 10));
        double[] mean = [0.4, 0.5, 0.6];
        var (sum, image) = (0.0, scene.Images);
        (int, int)[] channels = [(0, -1), (1, -1), (2, -1), .. opponents ? new[] { (0, 1), (0, 2), (1, 2) } : []];
        for (var b = 0; b < 2; b++)
            foreach (var (first, second) in channels)
                for (var y = 0; y < 7; y++)
                    for (var x = 0; x < 10; x++)
                    {
                        double One(int c, int row, int column) => c < 0 ? 0 : (image[b, c, row, column].ToDouble() - mean[c]) / Std[c];
                        double At(int row, int column) => One(first, row, column) - One(second, row, column);
                        var across = x < 9 ? Math.Abs(At(y, x + 1) - At(y, x)) + 1e-8 : 1e-8;
                        var down = y < 6 ? Math.Abs(At(y + 1, x) - At(y, x)) + 1e-8 : 1e-8;
                        sum += Math.Sqrt(across * across + down * down);
                    }
        var penalty = new TotalVariation { Isotropic = true, DoubleOpponents = opponents }.Bind(scene.Context);
        Assert.Equal(sum / (2 * channels.Length * 70), penalty(scene.Trial(image)).ToDouble(), 1e-10);
    }

    [Fact]
    public void Double_opponents_see_edges_of_color_and_not_those_of_gray()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var gray = zeros_like(scene.Images);
        gray.narrow(3, 0, 6).fill_(1);
        var (plain, doubled) = (new TotalVariation(), new TotalVariation { DoubleOpponents = true });
        double Value(TotalVariation prior, Tensor images) => prior.Bind(scene.Context)(scene.Trial(images)).ToDouble();
        Assert.Equal(Value(plain, gray) / 2, Value(doubled, gray), 1e-12);
        var red = gray.clone();
        red.narrow(1, 1, 2).fill_(0);
        Assert.Equal(Value(plain, red) * 3 / 2, Value(doubled, red), 1e-12);
    }
}
