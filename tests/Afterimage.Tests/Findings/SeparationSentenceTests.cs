using Afterimage.Audit.Findings;
using Afterimage.Models;
using static TorchSharp.torch;

namespace Afterimage.Tests.Findings;

public class SeparationSentenceTests
{
    /// <summary>The last convolutions have 64 channels for 2 x 2 places.</summary>
    [Fact]
    public void It_says_up_to_which_batch_a_layer_takes_images_apart_and_what_stops_it()
    {
        using var model = new ResNet { Depth = 20 }.Open(new(3, 8, 8), 10, new(0), ScalarType.Float32, CPU);
        var (few, largest) = SeparationSentence.Of(model, ModelMode.Train, 8);
        Assert.InRange(largest, 17, 48);
        Assert.Matches("the weight gradients of \\d+ layers take a batch of 8 apart, whatever its labels", few);
        Assert.Contains("local steps", few, StringComparison.Ordinal);
        var (many, same) = SeparationSentence.Of(model, ModelMode.Train, 200);
        Assert.Equal(largest, same);
        Assert.StartsWith("By counting, a batch of 200 is too large", many, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_ReLU_nothing_is_taken_apart()
    {
        using var model = new LeNet().Open(new(3, 32, 32), 10, new(0), ScalarType.Float32, CPU);
        var (sentence, largest) = SeparationSentence.Of(model, ModelMode.Eval, 2);
        Assert.Equal((0, "By counting, no layer's weight gradient takes two images of a batch apart by itself."), (largest, sentence));
    }
}
