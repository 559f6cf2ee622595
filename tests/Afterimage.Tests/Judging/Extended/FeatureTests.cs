using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.Judging;

public class FeatureTests
{
    [Fact]
    public void The_distance_is_that_of_what_enters_the_head()
    {
        var shape = new ImageShape(1, 6, 6);
        using var model = new Mlp { Depth = 2, Width = 5, Activation = ActivationKind.Tanh }
            .Open(shape, 3, new(1), ScalarType.Float64, CPU);
        var (truth, seen) = (Pictures.NoiseImage(shape, 1), Pictures.NoiseImage(shape, 2));
        double[] Hidden(Image image)
        {
            using var scope = NewDisposeScope();
            var x = tensor(image.Pixels.ToArray(), ScalarType.Float64);
            return (model.Parameters[0].matmul(x) + model.Parameters[1]).tanh().data<double>().ToArray();
        }
        var (own, other) = (Hidden(truth), Hidden(seen));
        var expected = Math.Sqrt(own.Zip(other, (a, b) => (a - b) * (a - b)).Sum() / own.Sum(a => a * a));
        var metric = new FeatureDistance(FeatureSpace.Head(model)!);
        Assert.Equal(expected, metric.Measure(truth, seen), 1e-9);
        Assert.Equal(0, metric.Measure(truth, truth));
    }

    [Fact]
    public void The_perceptual_distance_grows_with_noise_and_is_left_out_where_it_cannot_be()
    {
        var path = Shared.Path("data", "weights", "squeezenet_v1.1_trunk.safetensors");
        using var trunk = SqueezeTrunk.Open(path);
        var shape = new ImageShape(3, 32, 32);
        var (metric, pixels, noise) = (new SqueezeDistance(trunk.Space()), Pictures.Stripes(shape, 0.4), Pictures.Noise(shape, 2));
        var truth = new Image(shape, pixels);
        double At(float strength) => metric.Measure(truth,
            new(shape, [.. pixels.Zip(noise, (pixel, other) => (1 - strength) * pixel + strength * other)]));
        Assert.Equal(0, metric.Measure(truth, truth));
        Assert.True(0 < At(0.05f) && At(0.05f) < At(0.3f));
        using var small = new Mlp().Open(new(1, 8, 8), 3, new(1), ScalarType.Float32, CPU);
        Assert.Contains("27 pixels", MetricSet.Missing(small), StringComparison.Ordinal);
        using var large = new Mlp().Open(new(2, 30, 30), 3, new(1), ScalarType.Float32, CPU);
        Assert.Contains("1 or 3 channels", MetricSet.Missing(large), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_metric_of_a_round_has_a_name_that_conditions_know()
    {
        var shape = new ImageShape(1, 24, 24);
        using var model = new Mlp { Depth = 1 }.Open(shape, 3, new(1), ScalarType.Float32, CPU);
        var pool = new ImageBatch(shape, [Pictures.Noise(shape, 1)]);
        var metrics = MetricSet.Of(model, pool);
        Assert.Subset(MetricSet.Names.ToHashSet(), metrics.Select(metric => metric.Name).ToHashSet());
        Assert.Contains(metrics, metric => metric is MultiScaleSimilarity);
        Assert.All(metrics, metric => Assert.Equal(metric.Optimum, metric.Measure(pool[0], pool[0])));
    }
}
