using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>The number of images where nobody says it.</summary>
public class BatchSizeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Below_the_number_of_classes_it_is_the_rank(int size)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(new Mlp { Activation = ActivationKind.Tanh }, [.. Enumerable.Range(0, size).Select(i => 2 * i % 10)]);
        var found = BatchSize.Estimate(context.Model, context.Observation.Update, new FedSgd());
        Assert.Equal((size, size), (found.Size, found.AtLeast));
        Assert.InRange(found.Confidence, 0.5, 1);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Noise_adds_no_images(int size)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(new LeNet(), [.. Enumerable.Range(0, size).Select(i => 2 * i)]);
        var noisy = Batches.Noisy(context.Observation.Update, 1e-3);
        Assert.Equal(size, BatchSize.Estimate(context.Model, noisy, new FedSgd(), new GaussianNoise { Relative = 1e-3 }.Known()).Size);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(37)]
    public void Above_it_counts_are_whole(int size)
    {
        using var scope = NewDisposeScope();
        using var context = Batches.Of(new Mlp(), [.. Enumerable.Range(0, size).Select(i => i * i % 10)]);
        var found = BatchSize.Estimate(context.Model, context.Observation.Update, new FedSgd());
        Assert.Equal(size, found.Size);
        Assert.InRange(found.AtLeast, 2, size);
        Assert.EndsWith(".", found.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_says_nothing()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        var layout = scene.Model.Layout;
        Assert.Equal(0, BatchSize.Estimate(scene.Model, new GradientSet(layout, zeros([layout.Count])), new FedSgd()).Confidence);
        Assert.Equal(0, BatchSize.Estimate(scene.Model, scene.Context.Observation.Update, new HiddenTraining()).Confidence);
        Refusal.Says("NaN", () => BatchSize.Estimate(scene.Model, new GradientSet(layout, full([layout.Count], double.NaN)), new FedSgd()));
    }
}
