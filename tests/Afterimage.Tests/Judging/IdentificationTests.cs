using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class IdentificationTests
{
    private static readonly ImageShape Shape = new(3, 5, 7);
    private static readonly ImageBatch Pool = new(Shape, Enumerable.Range(0, 20).Select(seed => Pictures.Noise(Shape, (ulong)seed)));

    [Fact]
    public void The_place_of_the_true_image_is_that_of_a_sort()
    {
        var metric = new Identification(Pool);
        var seen = Pictures.NoiseImage(Shape, 99);
        var sorted = Pool.OrderBy(image => new MeanSquaredError().Measure(image, seen)).ToList();
        Assert.All(Pool, image => Assert.Equal(1 + sorted.IndexOf(image), metric.Measure(image, seen)));
        Assert.Equal(1, metric.Measure(seen, seen));
    }

    [Fact]
    public void A_gray_image_identifies_the_grayest_only()
    {
        var (metric, gray) = (new Identification(Pool), Pictures.FlatImage(Shape, 0.5f));
        Assert.Equal(Enumerable.Range(1, 20).Select(place => (double)place), Pool.Select(image => metric.Measure(image, gray)).Order());
    }

    [Theory]
    [InlineData(0, 10, 0, 0.278)]
    [InlineData(5, 10, 0.237, 0.763)]
    [InlineData(10, 10, 0.722, 1)]
    public void Wilsons_interval_is_that_of_the_tables(int successes, int trials, double low, double high)
    {
        var interval = WilsonInterval.Of(successes, trials);
        Assert.Equal(low, interval.Low, 1e-3);
        Assert.Equal(high, interval.High, 1e-3);
    }
}
