using System.Collections.Immutable;
using System.IO.Compression;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Tests.Judging;

/// <summary>The thresholds of the verdict on real images: guesses without a gradient are nothing, the image itself is a leak.</summary>
[Trait("Category", "slow")]
public class RealImageTests
{
    private const int Count = 60;

    [Theory]
    [InlineData("cifar10", 13.3, 0.19)]
    [InlineData("fashion-mnist", 14.2, 0.50)]
    [InlineData("mnist", 12.5, 0.53)]
    public void Guesses_are_nothing_and_the_image_itself_is_a_leak(string data, double psnr, double ssim)
    {
        var (shape, pool) = Read(data);
        var truth = pool[..Count].Select(values => new Image(shape, values)).ToArray();
        var baselines = new Baselines(new(shape, pool[200..]), new RandomSource(1));
        var references = truth.Select(image => baselines.Measure(image, Metric.Standard)).ToArray();

        // The table of docs/metrics.md.
        Assert.Equal(psnr, Spread.Of(references.Select(found => found[baselines.Best!]["psnr"])).Median, 0.05);
        Assert.Equal(ssim, Spread.Of(references.Select(found => found[baselines.Best!]["ssim"])).Median, 0.005);

        int Level(LeakLevel level, Func<int, float[]> guess) => Enumerable.Range(0, Count).Count(i =>
            VerdictRule.Standard.Of(Report(truth[i], new(shape, guess(i)), references[i])) == level);
        var mean = Enumerable.Range(0, shape.Count).Select(i => pool[200..].Average(image => image[i])).ToArray();

        Assert.Equal(Count, Level(LeakLevel.Nothing, _ => mean));
        Assert.Equal(Count, Level(LeakLevel.Nothing, i => Pictures.Noise(shape, (ulong)i)));
        Assert.InRange(Level(LeakLevel.Nothing, i => pool[100 + i]), Count - 1, Count);
        Assert.Equal(0, Level(LeakLevel.Recognizable, i => pool[100 + i]));
        Assert.InRange(Level(LeakLevel.Recognizable, i => Halved(shape, pool[i])), Count * 3 / 4, Count);
        Assert.Equal(Count, Level(LeakLevel.Exact, i => Rippled(pool[i], 0.005f)));
    }

    private static float[] Rippled(float[] image, float height) =>
        [.. image.Select((value, at) => Math.Clamp(value + (at % 2 == 0 ? height : -height), 0, 1))];

    private static ImageReport Report(
        Image truth, Image guess, ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> baselines) => new()
    {
        Index = 0,
        RecoveredLabel = "any",
        Confidence = 1,
        Metrics = Metric.Standard.ToImmutableSortedDictionary(metric => metric.Name, metric => metric.Measure(truth, guess)),
        Baselines = baselines,
        Reconstruction = new("0.png", truth.Shape.Width, truth.Shape.Height),
    };

    /// <summary>Half the resolution: every 2x2 block is its mean.</summary>
    private static float[] Halved(ImageShape shape, float[] image)
    {
        var halved = new float[image.Length];
        for (var i = 0; i < image.Length; i++)
        {
            var (row, column) = (i / shape.Width / 2 * 2, i % shape.Width / 2 * 2);
            var at = row * shape.Width + column;
            halved[i] = (image[at] + image[at + 1] + image[at + shape.Width] + image[at + shape.Width + 1]) / 4;
        }
        return halved;
    }

    private static (ImageShape Shape, float[][] Images) Read(string data)
    {
        if (data == "cifar10")
        {
            var bytes = File.ReadAllBytes(Shared.Path("data", "cifar10", "test_batch_first1000.bin"));
            return (new(3, 32, 32), [.. bytes.Chunk(3073).Select(record => Array.ConvertAll(record[1..], value => value / 255f))]);
        }
        using var file = new GZipStream(File.OpenRead(Shared.Path("data", data, "t10k-images-idx3-ubyte.gz")), CompressionMode.Decompress);
        var pixels = new byte[16 + 1000 * 784];
        file.ReadExactly(pixels);
        return (new(1, 28, 28), [.. pixels[16..].Chunk(784).Select(image => Array.ConvertAll(image, value => value / 255f))]);
    }
}
