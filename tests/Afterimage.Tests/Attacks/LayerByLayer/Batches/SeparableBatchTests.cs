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
    public void A_convolution_tells_as_many_images_apart_as_its_channels_have_places(
        int input, int output, int kernel, int stride, int padding, int side, bool train, long largest) =>
        Assert.Equal(largest, SeparableBatch.Largest(new Conv2d("c", input, output, kernel, stride, padding), [input, side, side], train));

    [Fact]
    public void A_linear_layer_tells_one_image_apart_for_every_output() =>
        Assert.Equal(128, SeparableBatch.Largest(new Linear("fc", 9216, 128), [9216]));

    [Fact]
    public void Groups_and_other_layers_tell_none() => Assert.Equal((0, 0),
        (SeparableBatch.Largest(new Conv2d("c", 64, 64, 3, 1, 1, Groups: 64), [64, 1, 1]),
        SeparableBatch.Largest(new Activation(ActivationKind.ReLU), [64, 1, 1])));
}
