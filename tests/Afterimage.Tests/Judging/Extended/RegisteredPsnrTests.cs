using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class RegisteredPsnrTests
{
    private static readonly ImageShape Shape = new(2, 16, 24);

    [Fact]
    public void It_is_the_best_over_every_small_shift_and_a_flip()
    {
        var truth = Pictures.NoiseImage(Shape, 1);
        for (ulong seed = 2; seed < 5; seed++)
        {
            var seen = Pictures.NoiseImage(Shape, seed);
            var best = double.NegativeInfinity;
            foreach (var flip in new[] { false, true })
                for (var down = -2; down <= 2; down++)
                    for (var right = -3; right <= 3; right++)
                        best = Math.Max(best, new PeakSignalToNoise().Measure(truth, Moved(seen, down, right, flip)));
            Assert.Equal(best, new RegisteredPsnr().Measure(truth, seen), 1e-9);
        }
    }

    [Theory]
    [InlineData(0, 0, false, true)]
    [InlineData(2, -3, false, true)]
    [InlineData(-1, 2, true, true)]
    [InlineData(3, 0, false, false)]
    public void A_small_shift_or_a_mirror_image_is_recognized(int down, int right, bool flip, bool recognized)
    {
        var truth = Pictures.NoiseImage(Shape, 1);
        var value = new RegisteredPsnr().Measure(truth, Moved(truth, down, right, flip));
        Assert.Equal(recognized, value == 100);
    }

    private static Image Moved(Image image, int down, int right, bool flip)
    {
        var (height, width) = (Shape.Height, Shape.Width);
        var pixels = new float[Shape.Count];
        for (var channel = 0; channel < Shape.Channels; channel++)
            for (var row = 0; row < height; row++)
                for (var column = 0; column < width; column++)
                    pixels[(channel * height + (row + down + height) % height) * width
                        + ((flip ? width - 1 - column : column) + right + width) % width] =
                        image.Pixels[(channel * height + row) * width + column];
        return new(Shape, pixels);
    }
}
