using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

public class InstanceCountsTests
{
    [Theory]
    [InlineData(new[] { 3 })]
    [InlineData(new[] { 2, 7 })]
    [InlineData(new[] { 5, 5 })]
    [InlineData(new[] { 1, 1, 1, 4, 4, 9, 9, 9 })]
    [InlineData(new[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 6, 6, 8 })]
    public void Repeated_labels_of_an_untrained_network_are_counted(int[] truth)
    {
        Assert.Equal(truth, Recover(new LeNet { Initialization = LeNetInitialization.Default }, truth).Classes);
        Assert.Equal(truth, Recover(new Mlp(), truth).Classes);
    }

    [Fact]
    public void A_class_that_the_model_finds_likely_for_every_image_is_not_missed()
    {
        // With weights of U(-0.5, 0.5) one class is likely whatever the image, and its bias entry is positive though it is in the batch.
        for (var seed = 0UL; seed < 5; seed++)
            Assert.Equal([0, 3, 6, 9], Recover(new LeNet(), [0, 3, 6, 9], seed).Classes);
    }

    private static Labels Recover(ModelSource source, int[] truth, ulong seed = 3)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(source, truth, seed: seed);
        return new InstanceCounts().Recover(context);
    }
}
