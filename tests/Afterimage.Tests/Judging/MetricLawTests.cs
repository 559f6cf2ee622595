using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

/// <summary>What every metric must obey.</summary>
public class MetricLawTests
{
    private static readonly ImageShape[] Shapes = [new(1, 1, 1), new(1, 2, 9), new(3, 8, 8), new(1, 28, 28), new(3, 33, 40)];

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var metric in Metric.Standard)
            foreach (var shape in Shapes)
                data.Add(metric.Name, shape.ToString());
        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void An_image_compared_with_itself_is_the_optimum(string name, string shape)
    {
        var metric = Named(name);
        foreach (var values in Samples(ImageShape.Parse(shape)))
        {
            var image = new Image(ImageShape.Parse(shape), values);
            Assert.Equal(metric.Optimum, metric.Measure(image, image));
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Another_image_is_worse_and_the_order_of_the_two_is_immaterial(string name, string shape)
    {
        var metric = Named(name);
        var truth = Pictures.NoiseImage(ImageShape.Parse(shape), 1);
        var other = Pictures.NoiseImage(ImageShape.Parse(shape), 2);
        var value = metric.Measure(truth, other);
        Assert.NotEqual(metric.Optimum, value);
        Assert.Equal(metric.Optimum, metric.Better(metric.Optimum, value));
        Assert.Equal(value, metric.Measure(other, truth), 1e-12);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Less_noise_is_better(string name, string shape)
    {
        var metric = Named(name);
        var (parsed, pixels) = (ImageShape.Parse(shape), Pictures.Stripes(ImageShape.Parse(shape), 0.7));
        var noise = Pictures.Noise(parsed, 3);
        double At(float strength) =>
            metric.Measure(new(parsed, pixels), new(parsed, [.. pixels.Zip(noise, (pixel, n) => (1 - strength) * pixel + strength * n)]));
        Assert.Equal(At(0.1f), metric.Better(At(0.1f), At(0.5f)));
        Assert.NotEqual(At(0.1f), At(0.5f));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Values_outside_the_range_count_as_they_are_shown(string name, string shape)
    {
        var (metric, parsed) = (Named(name), ImageShape.Parse(shape));
        var truth = Pictures.NoiseImage(parsed, 1);
        var (wild, shown) = (Pictures.Noise(parsed, 5), Pictures.Noise(parsed, 5));
        (wild[0], shown[0]) = (float.NaN, 0);
        (wild[^1], shown[^1]) = (1e30f, 1);
        Assert.Equal(metric.Measure(truth, new(parsed, shown)), metric.Measure(truth, new(parsed, wild)));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Different_shapes_are_refused(string name, string shape)
    {
        var parsed = ImageShape.Parse(shape);
        var error = Assert.Throws<AfterimageException>(() =>
            Named(name).Measure(Pictures.FlatImage(parsed, 0), Pictures.FlatImage(parsed with { Width = parsed.Width + 1 }, 0)));
        Assert.Contains(shape, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_distinct_and_every_metric_explains_itself()
    {
        Assert.Equal(Metric.Standard.Length, Metric.Standard.Select(metric => metric.Name).Distinct().Count());
        Assert.All(Metric.Standard, metric => Assert.EndsWith(".", metric.Summary, StringComparison.Ordinal));
    }

    private static Metric Named(string name) => Metric.Standard.Single(metric => metric.Name == name);

    private static float[][] Samples(ImageShape shape) =>
    [
        Pictures.Noise(shape, 7), Pictures.Flat(shape, 0), Pictures.Flat(shape, 0.3f), Pictures.Flat(shape, 1),
        Pictures.Stripes(shape, 0.9),
    ];
}
