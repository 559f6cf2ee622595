using Afterimage.Attacks;
using Afterimage.Models;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class SeparableBatchTests
{
    [Theory]
    [InlineData(512, 512, 3, 1, 1, 4, false, 32), InlineData(512, 512, 3, 1, 1, 4, true, 32), InlineData(512, 511, 3, 1, 1, 4, true, 32)]
    [InlineData(512, 511, 3, 1, 1, 4, false, 31), InlineData(512, 512, 3, 1, 1, 2, false, 128), InlineData(512, 512, 3, 1, 1, 7, false, 10)]
    [InlineData(64, 64, 3, 1, 1, 8, false, 1), InlineData(8, 512, 3, 1, 1, 4, false, 3), InlineData(512, 512, 1, 1, 0, 4, false, 0)]
    [InlineData(256, 512, 3, 2, 1, 8, false, 0), InlineData(256, 512, 3, 2, 1, 7, false, 32), InlineData(512, 512, 3, 1, 0, 4, true, 0)]
    [InlineData(512, 512, 3, 1, 0, 4, false, 128)]
    public void Whole_windows_tell_as_many_images_apart_as_a_convolutions_channels_have_places(
        int input, int output, int kernel, int stride, int padding, int side, bool train, long largest)
    {
        var conv = new Conv2d("c", input, output, kernel, stride, padding);
        Assert.Equal(largest, SeparableBatch.Obstacle(conv, [input, side, side], train) is null
            ? SeparableBatch.ByWindows(conv, [input, side, side], train) : 0);
    }

    /// <summary>3 C_out columns of 3 numbers, a tenth of the input's channels to spare, and an eigenproblem not too large.</summary>
    [Theory]
    [InlineData(512, 512, 3, 1, 4, 78), InlineData(512, 512, 3, 1, 2, 313), InlineData(512, 512, 3, 1, 7, 12)]
    [InlineData(64, 64, 3, 1, 8, 2), InlineData(512, 20, 3, 1, 4, 3), InlineData(64, 512, 3, 1, 8, 2)]
    public void Their_columns_and_rows_tell_more_apart(int input, int output, int kernel, int padding, int side, long largest)
    {
        var conv = new Conv2d("c", input, output, kernel, 1, padding);
        Assert.Equal(largest, SeparableBatch.ByLines(conv, [input, side, side]));
        Assert.Equal(Math.Max(largest, SeparableBatch.ByWindows(conv, [input, side, side], false)),
            SeparableBatch.Largest(conv, [input, side, side]));
    }

    [Fact]
    public void A_linear_layer_tells_one_image_apart_for_every_output() =>
        Assert.Equal(128, SeparableBatch.Largest(new Linear("fc", 9216, 128), [9216]));

    [Fact]
    public void Groups_and_other_layers_tell_none() => Assert.Equal((0, 0),
        (SeparableBatch.Largest(new Conv2d("c", 64, 64, 3, 1, 1, Groups: 64), [64, 1, 1]),
        SeparableBatch.Largest(new Activation(ActivationKind.ReLU), [64, 1, 1])));
}
