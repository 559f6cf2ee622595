using Afterimage.Audit.Judging;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Tests.Judging;

public class PeakSignalToNoiseTests
{
    private static readonly ImageShape Shape = new(3, 4, 4);

    [Theory]
    [InlineData(0.5f, 0.6f, 20)]
    [InlineData(0.5f, 0.51f, 40)]
    [InlineData(0f, 1f, 0)]
    [InlineData(0.25f, 0.75f, 6.0206)]
    public void It_is_minus_ten_log_of_the_mean_squared_error(float truth, float seen, double expected) =>
        Assert.Equal(expected, new PeakSignalToNoise().Measure(Pictures.FlatImage(Shape, truth), Pictures.FlatImage(Shape, seen)), 1e-4);

    [Fact]
    public void The_error_is_averaged_over_channels_too()
    {
        var seen = Pictures.Flat(Shape, 0.5f);
        Pictures.Flat(Shape, 0.8f).AsSpan(0, 16).CopyTo(seen);
        Assert.Equal(0.03, new MeanSquaredError().Measure(Pictures.FlatImage(Shape, 0.5f), new(Shape, seen)), 1e-7);
    }

    [Fact]
    public void One_exact_image_does_not_make_a_batch_infinite()
    {
        var metric = new PeakSignalToNoise();
        var truth = Pictures.FlatImage(Shape, 0.5f);
        var values = new[] { truth, Pictures.FlatImage(Shape, 0.6f) }.Select(seen => metric.Measure(truth, seen));
        Assert.Equal(60, Spread.Of(values).Mean, 1e-4);
    }

    [Fact]
    public void The_ceiling_is_a_setting_and_the_optimum_follows_it()
    {
        var metric = new PeakSignalToNoise { Ceiling = 30 };
        Assert.Equal(30, metric.Measure(Pictures.FlatImage(Shape, 0.5f), Pictures.FlatImage(Shape, 0.501f)));
        Assert.Equal(30, metric.Optimum);
    }
}
