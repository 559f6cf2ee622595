using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class MultiScaleTests
{
    [Theory]
    [InlineData(8, 1)]
    [InlineData(21, 1)]
    [InlineData(22, 2)]
    [InlineData(28, 2)]
    [InlineData(32, 2)]
    [InlineData(64, 3)]
    [InlineData(175, 4)]
    [InlineData(176, 5)]
    [InlineData(512, 5)]
    public void The_size_says_how_many_scales_there_are(int side, int scales) =>
        Assert.Equal(scales, MultiScaleSimilarity.Scales(new(3, side, side + 4)));

    [Fact]
    public void One_scale_is_the_similarity_itself()
    {
        var shape = new ImageShape(1, 12, 12);
        var (truth, seen) = (new Image(shape, Pictures.Stripes(shape, 0.7)), Blended(shape, 0.3f));
        Assert.Equal(new StructuralSimilarity().Measure(truth, seen), new MultiScaleSimilarity(shape).Measure(truth, seen), 1e-12);
    }

    [Fact]
    public void Two_scales_are_what_the_definition_says()
    {
        var shape = new ImageShape(1, 24, 26);
        var (truth, seen) = (new Image(shape, Pictures.Stripes(shape, 0.7)), Blended(shape, 0.3f));
        var (fine, coarse) = (Slow(truth, seen), Slow(Half(truth), Half(seen)));
        const double First = 0.0448 / (0.0448 + 0.2856);
        Assert.Equal(Math.Pow(fine.Structure, First) * Math.Pow(coarse.Whole, 1 - First),
            new MultiScaleSimilarity(shape).Measure(truth, seen), 1e-6);
    }

    private static Image Blended(ImageShape shape, float strength) => new(shape,
        [.. Pictures.Stripes(shape, 0.7).Zip(Pictures.Noise(shape, 3), (pixel, noise) => (1 - strength) * pixel + strength * noise)]);

    private static Image Half(Image image)
    {
        var small = new ImageShape(1, image.Shape.Height / 2, image.Shape.Width / 2);
        float At(int row, int column) => image.Pixels[row * image.Shape.Width + column];
        return new(small, [.. from row in Enumerable.Range(0, small.Height)
                              from column in Enumerable.Range(0, small.Width)
                              select (At(2 * row, 2 * column) + At(2 * row, 2 * column + 1) + At(2 * row + 1, 2 * column)
                                  + At(2 * row + 1, 2 * column + 1)) / 4]);
    }

    /// <summary>Window by window, from weighted sums of deviations.</summary>
    private static (double Whole, double Structure) Slow(Image x, Image y)
    {
        const int Side = 7;
        var weights = (from i in Enumerable.Range(-3, Side) from j in Enumerable.Range(-3, Side) select Math.Exp(-(i * i + j * j) / 4.5))
            .ToArray();
        var total = weights.Sum();
        var (whole, structure, count) = (0.0, 0.0, 0);
        for (var row = 0; row + Side <= x.Shape.Height; row++)
            for (var column = 0; column + Side <= x.Shape.Width; column++)
            {
                double Mean(Func<int, double> of) => Enumerable.Range(0, Side * Side).Sum(k => weights[k] / total * of(
                    (row + k / Side) * x.Shape.Width + column + k % Side));
                var (mx, my) = (Mean(at => x.Pixels[at]), Mean(at => y.Pixels[at]));
                var (vx, vy) = (Mean(at => Math.Pow(x.Pixels[at] - mx, 2)), Mean(at => Math.Pow(y.Pixels[at] - my, 2)));
                var contrast = (2 * Mean(at => (x.Pixels[at] - mx) * (y.Pixels[at] - my)) + 9e-4) / (vx + vy + 9e-4);
                (whole, structure, count) =
                    (whole + contrast * (2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4), structure + contrast, count + 1);
            }
        return (whole / count, structure / count);
    }
}
