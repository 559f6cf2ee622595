using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Tests.Data;

public class DeadLeavesTests
{
    [Theory]
    [InlineData("1x28x28")]
    [InlineData("3x32x32")]
    [InlineData("3x64x64")]
    [InlineData("3x20x48")]
    public void Images_of_any_shape_are_in_range_and_not_flat(string shape)
    {
        var images = new DeadLeaves { Shape = ImageShape.Parse(shape), Seed = 3 }.Open();
        for (var i = 0; i < 20; i++)
        {
            var image = images[i];
            Assert.Equal(images.Shape.Count, image.Pixels.Length);
            Assert.All(image.Pixels, value => Assert.InRange(value, 0f, 1f));
            Assert.InRange(image.Label, 0, 9);
            var mean = image.Pixels.Average();
            Assert.InRange(image.Pixels.Average(value => (value - mean) * (value - mean)), 0.003, 0.2);
        }
    }

    [Fact]
    public void An_image_depends_on_seed_and_index_alone()
    {
        var once = new DeadLeaves { Seed = 5 }.Open();
        var again = new DeadLeaves { Seed = 5, Count = 20 }.Open();
        _ = again[3];
        Assert.Equal(once[7].Pixels, again[7].Pixels);
        Assert.Equal(once[7].Label, again[7].Label);
        Assert.NotEqual(once[7].Pixels, once[8].Pixels);
        Assert.NotEqual(once[7].Pixels, new DeadLeaves { Seed = 6 }.Open()[7].Pixels);
    }

    // The same estimate gives -2.6 for CIFAR-10, -2.4 for ImageNet at 64 pixels and -2.6 for Flowers-17.
    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void The_power_spectrum_falls_like_that_of_natural_images(int side)
    {
        var images = new DeadLeaves { Shape = new(3, side, side), Seed = 1 }.Open();
        Assert.InRange(PowerSpectrum.Slope(Enumerable.Range(0, 60).Select(i => images[i]), side, 2, side / 4), -2.8, -2.2);
    }

    [Fact]
    public void Photographs_have_such_a_spectrum()
    {
        var images = new Cifar10 { File = Shared.Path("data", "cifar10", "test_batch_first1000.bin") }.Open();
        Assert.InRange(PowerSpectrum.Slope(Enumerable.Range(0, 100).Select(i => images[10 * i]), 32, 2, 8), -2.8, -2.2);
    }

    [Fact]
    public void Channels_are_correlated_like_colors_of_things()
    {
        var images = new DeadLeaves { Seed = 2 }.Open();
        var correlations = Enumerable.Range(0, 40)
            .Select(i => Correlation(images[i].Pixels.AsSpan(0, 1024), images[i].Pixels.AsSpan(1024, 1024))).ToList();
        Assert.InRange(correlations.Average(), 0.6, 0.99);
    }

    private static double Correlation(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
        for (var i = 0; i < a.Length; i++)
            (sa, sb, aa, bb, ab) = (sa + a[i], sb + b[i], aa + a[i] * a[i], bb + b[i] * b[i], ab + a[i] * b[i]);
        var n = a.Length;
        return (ab / n - sa / n * sb / n) / Math.Sqrt((aa / n - sa / n * sa / n) * (bb / n - sb / n * sb / n));
    }

    [Fact]
    public void Every_class_occurs_and_its_name_tells_the_leaf_in_front()
    {
        var images = new DeadLeaves().Open();
        Assert.Equal("warm disk", images.ClassNames[0]);
        Assert.Equal("cool polygon", images.ClassNames[9]);
        Assert.Equal(10, Enumerable.Range(0, 200).Select(i => images[i].Label).Distinct().Count());
        var warmth = Enumerable.Range(0, 200)
            .Select(i => images[i]).ToLookup(image => image.Label >= 5, image => Center(image, 0) - Center(image, 2));
        Assert.True(warmth[false].Average() > 0.1 && warmth[true].Average() < -0.1);

        static double Center(LabeledImage image, int channel) =>
            Enumerable.Range(0, 16).Average(i => image.Pixels[channel * 1024 + (14 + i / 4) * 32 + 14 + i % 4]);
    }

    [Fact]
    public void Gray_families_are_dark_and_bright()
    {
        var images = new DeadLeaves { Shape = new(1, 28, 28) }.Open();
        var brightness = Enumerable.Range(0, 200)
            .Select(i => images[i]).ToLookup(image => image.Label >= 5, image => image.Pixels[14 * 28 + 14]);
        Assert.Equal("dark disk", images.ClassNames[0]);
        Assert.True(brightness[false].Average() + 0.2 < brightness[true].Average());
    }

    [Fact]
    public void Every_number_of_classes_has_names_of_its_own()
    {
        foreach (var classes in (int[])[1, 2, 5, 6, 10, 11, 17, 37, 99, 100])
            Assert.Equal(classes, new DeadLeaves { Classes = classes }.Open().ClassNames.Distinct().Count());
    }

    [Theory, InlineData(1, 1, 20), InlineData(2, 12, 12), InlineData(3, 6, 9), InlineData(5, 8, 3)]
    public void Data_of_any_shape_have_something_like_it(int channels, int height, int width)
    {
        var image = new DeadLeaves { Shape = new(channels, height, width) }.Open()[4].Pixels;
        Assert.Equal(channels * height * width, image.Length);
        Assert.All(image, value => Assert.InRange(value, 0, 1));
    }

    [Fact]
    public void Impossible_requests_are_named()
    {
        Assert.Contains("3x600x32", Assert.Throws<AfterimageException>(() => new DeadLeaves { Shape = new(3, 600, 32) }.Open()).Message);
        Assert.Contains("1 to 100", Assert.Throws<AfterimageException>(() => new DeadLeaves { Classes = 0 }.Open()).Message);
        Assert.Contains("no image -1", Assert.Throws<AfterimageException>(() => new DeadLeaves().Open()[-1]).Message);
    }
}
