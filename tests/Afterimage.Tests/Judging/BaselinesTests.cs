using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class BaselinesTests
{
    private static readonly ImageShape Shape = new(1, 8, 8);

    private static readonly ImageBatch Public = new(Shape, Enumerable.Range(0, 250).Select(i => Pictures.Noise(Shape, (ulong)i)));

    private static readonly Image Truth = Pictures.NoiseImage(Shape, 1000);

    [Fact]
    public void The_same_seed_chooses_the_same_images_and_another_seed_others()
    {
        var first = Best(new(Public, new RandomSource(1)));
        Assert.Equal(first, Best(new(Public, new RandomSource(1))));
        Assert.NotEqual(first, Best(new(Public, new RandomSource(2))));
    }

    [Fact]
    public void The_best_is_chosen_by_each_metric_for_itself()
    {
        var baselines = new Baselines(Public, new RandomSource(1), count: 250);
        var found = baselines.Measure(Truth, Metric.Standard)[baselines.Best!];
        foreach (var metric in Metric.Standard)
            Assert.Equal(Public.Select(image => metric.Measure(Truth, image)).Aggregate(metric.Better), found[metric.Name]);
    }

    [Fact]
    public void The_name_tells_how_many_candidates_there_were()
    {
        Assert.Equal("best of 100 public images", new Baselines(Public, new RandomSource(1)).Best);
        var three = new Baselines(new(Shape, Public.Take(3).Select(image => image.Pixels.ToArray())), new RandomSource(1));
        Assert.Equal("best of 3 public images", three.Best);
    }

    [Fact]
    public void The_mean_image_is_the_mean_of_all_public_images()
    {
        var two = new Baselines(new(Shape, [Pictures.Flat(Shape, 0.2f), Pictures.Flat(Shape, 0.6f)]), new RandomSource(1), count: 1);
        var found = two.Measure(Pictures.FlatImage(Shape, 0.5f), Metric.Standard);
        Assert.Equal(0.01, found[Baselines.Mean]["mse"], 1e-7);
        Assert.Equal(0, found[Baselines.Gray]["mse"], 1e-7);
        Assert.Equal(100, found[Baselines.Gray]["psnr"]);
    }

    [Fact]
    public void Without_public_images_only_the_gray_image_remains()
    {
        var baselines = new Baselines(new(Shape, []), new RandomSource(1));
        Assert.Null(baselines.Best);
        Assert.Equal([Baselines.Gray], baselines.Measure(Truth, Metric.Standard).Keys);
    }

    [Fact]
    public void Public_images_of_another_shape_are_refused() =>
        Assert.Throws<AfterimageException>(() =>
            new Baselines(Public, new RandomSource(1)).Measure(Pictures.FlatImage(new(3, 8, 8), 0), Metric.Standard));

    private static double Best(Baselines baselines) => baselines.Measure(Truth, Metric.Standard)[baselines.Best!]["mse"];
}
