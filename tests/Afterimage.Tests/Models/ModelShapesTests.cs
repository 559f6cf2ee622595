using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Clients;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>What a model's file says of its images and classes.</summary>
public class ModelShapesTests
{
    [Fact]
    public void The_first_linear_layer_fixes_the_size_of_a_square_image()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(new(2, new ImageShape(2, 6, 6), 4), SmallScript.Save(folder, "y = torch.flatten(x, 1)", 108).Shapes());
    }

    [Fact]
    public void Behind_a_global_pooling_any_size_fits_so_none_is_said()
    {
        using var folder = new TemporaryFolder();
        var script = SmallScript.Save(folder, "p = torch.adaptive_avg_pool2d(x, [1, 1])\ny = torch.flatten(p, 1)", 3);
        Assert.Equal(new(2, null, 4), script.Shapes());
        Assert.Equal(new(2, new ImageShape(2, 9, 5), 4), script.Shapes(new ImageShape(2, 9, 5)));
    }

    [Fact]
    public void Of_unknown_layers_the_tensors_tell_channels_and_classes()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(new(2, null, 4), SmallScript.Save(folder, "z = torch.cumsum(x, 1)\ny = torch.flatten(z, 1)", 108).Shapes());
    }

    [Theory]
    [InlineData("mlp", "1x28x28", "1x28x28")]
    [InlineData("mlp", "3x17x17", "3x17x17")]
    [InlineData("lenet", "3x32x32", "3x32x32")]
    // 29 to 32 rows give LeNet's head the same number of features; of these, 32 are usual, and none of 17 to 20.
    [InlineData("lenet", "1x30x30", "1x32x32")]
    [InlineData("lenet", "1x17x17", null)]
    public void The_weights_of_an_architecture_say_it_too(string kind, string input, string? expected)
    {
        using var folder = new TemporaryFolder();
        ModelSource source = kind == "mlp" ? new Mlp { Width = 8 } : new LeNet();
        var shape = ImageShape.Parse(input);
        using var opened = source.Open(shape, 7, new RandomSource(0), ScalarType.Float32, CPU);
        Assert.Equal(new(shape.Channels, expected is null ? null : ImageShape.Parse(expected), 7),
            RecordedUpdateTests.Saved(folder, source, opened).Shapes());
    }

    [Fact]
    public void Without_a_file_nothing_is_said() => Assert.Equal(ModelShapes.Unknown, new ResNet().Shapes());
}
