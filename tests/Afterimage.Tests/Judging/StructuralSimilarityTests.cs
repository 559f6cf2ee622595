using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class StructuralSimilarityTests
{
    private static readonly StructuralSimilarity Metric = new();

    [Theory]
    [InlineData("1x28x28", 7)]
    [InlineData("3x32x32", 7)]
    [InlineData("3x32x64", 7)]
    [InlineData("3x33x33", 11)]
    [InlineData("3x224x224", 11)]
    [InlineData("1x7x9", 7)]
    [InlineData("1x6x9", 5)]
    [InlineData("1x2x9", 1)]
    [InlineData("1x1x1", 1)]
    public void The_window_follows_the_smaller_side(string shape, int side) =>
        Assert.Equal(side, StructuralSimilarity.WindowFor(ImageShape.Parse(shape)));

    [Theory]
    [InlineData("1x7x7")]
    [InlineData("3x12x9")]
    [InlineData("1x28x28")]
    [InlineData("3x32x32")]
    [InlineData("1x33x35")]
    [InlineData("1x4x10")]
    public void It_equals_the_definition_computed_window_by_window(string text)
    {
        var shape = ImageShape.Parse(text);
        float[][] images =
        [
            Pictures.Noise(shape, 1), Pictures.Noise(shape, 2), Pictures.Stripes(shape, 0.6), Pictures.Stripes(shape, 0.8),
            Pictures.Flat(shape, 0.4f),
        ];
        foreach (var truth in images)
            foreach (var seen in images)
                Assert.Equal(Slow(shape, truth, seen), Metric.Measure(new(shape, truth), new(shape, seen)), 1e-9);
    }

    [Theory]
    [InlineData(0.2f, 0.8f)]
    [InlineData(0f, 1f)]
    [InlineData(0.5f, 0.6f)]
    public void Flat_images_differ_in_brightness_alone(float x, float y)
    {
        var shape = new ImageShape(3, 16, 16);
        var expected = (2.0 * x * y + 1e-4) / ((double)x * x + (double)y * y + 1e-4);
        Assert.Equal(expected, Metric.Measure(Pictures.FlatImage(shape, x), Pictures.FlatImage(shape, y)), 1e-7);
    }

    [Fact]
    public void A_checkerboard_and_its_negative_have_opposite_structure()
    {
        // One window: mean 1/2 +- e and variance 1/4 - e^2 for a board of 0 and 1, where e is the weight imbalance / 2.
        var shape = new ImageShape(1, 7, 7);
        var board = Enumerable.Range(0, 49).Select(i => (float)(i % 2)).ToArray();
        var weights = Enumerable.Range(-3, 7).Select(i => Math.Exp(-i * i / 4.5)).ToArray();
        var total = weights.Sum() * weights.Sum();
        var mean = Enumerable.Range(0, 49).Sum(i => board[i] * weights[i / 7] * weights[i % 7]) / total;
        var variance = mean * (1 - mean);
        var expected = (2 * mean * (1 - mean) + 1e-4) * (-2 * variance + 9e-4)
            / ((mean * mean + (1 - mean) * (1 - mean) + 1e-4) * (2 * variance + 9e-4));
        Assert.Equal(expected, Metric.Measure(new(shape, board), new(shape, [.. board.Select(pixel => 1 - pixel)])), 1e-9);
        Assert.True(expected < -0.98);
    }

    [Fact]
    public void Channels_are_averaged()
    {
        var (gray, color) = (new ImageShape(1, 16, 16), new ImageShape(3, 16, 16));
        var truth = Pictures.Noise(color, 1);
        var seen = Pictures.Noise(color, 2);
        Image Channel(float[] image, int channel) => new(gray, image.AsSpan(channel * gray.Count, gray.Count));
        var each = Enumerable.Range(0, 3).Average(channel => Metric.Measure(Channel(truth, channel), Channel(seen, channel)));
        Assert.Equal(each, Metric.Measure(new(color, truth), new(color, seen)), 1e-12);
    }

    /// <summary>Wang et al. (2004), equation 13: weighted means, then central moments, for every window by itself.</summary>
    private static double Slow(ImageShape shape, float[] truth, float[] seen)
    {
        var side = StructuralSimilarity.WindowFor(shape);
        var (sum, windows) = (0.0, 0);
        for (var c = 0; c < shape.Channels; c++)
            for (var top = 0; top + side <= shape.Height; top++)
                for (var left = 0; left + side <= shape.Width; left++, windows++)
                {
                    var cells = (from dy in Enumerable.Range(0, side)
                                 from dx in Enumerable.Range(0, side)
                                 let at = (c * shape.Height + top + dy) * shape.Width + left + dx
                                 let r2 = Math.Pow(dy - side / 2, 2) + Math.Pow(dx - side / 2, 2)
                                 select (W: Math.Exp(-r2 / (2 * 1.5 * 1.5)), X: (double)truth[at], Y: (double)seen[at])).ToArray();
                    var total = cells.Sum(cell => cell.W);
                    var (mx, my) = (cells.Sum(cell => cell.W * cell.X) / total, cells.Sum(cell => cell.W * cell.Y) / total);
                    var vx = cells.Sum(cell => cell.W * (cell.X - mx) * (cell.X - mx)) / total;
                    var vy = cells.Sum(cell => cell.W * (cell.Y - my) * (cell.Y - my)) / total;
                    var cov = cells.Sum(cell => cell.W * (cell.X - mx) * (cell.Y - my)) / total;
                    sum += (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4));
                }
        return sum / windows;
    }
}
