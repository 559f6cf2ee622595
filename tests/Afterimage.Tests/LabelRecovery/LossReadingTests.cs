using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>Which loss is behind the gradient of one image, where nobody said it.</summary>
public class LossReadingTests
{
    [Theory]
    [InlineData("cross-entropy", 1)]
    [InlineData("cross-entropy", -0.1)]
    [InlineData("binary", 1)]
    [InlineData("binary", -0.3)]
    [InlineData("squared", 1)]
    [InlineData("squared", 2.5)]
    public void The_loss_and_the_label_are_found_under_any_factor(string name, double factor)
    {
        using var scope = NewDisposeScope();
        Loss loss = name switch { "binary" => new BinaryCrossEntropy(), "squared" => new MeanSquared(), _ => new CrossEntropy() };
        var (model, update) = Round(loss, tensor(new float[] { 0, 0, 0, 1, 0 }).view(1, 5));

        var found = LossReading.Of(model, update.Scale(factor), 1);

        Assert.NotNull(found);
        Assert.IsType(loss.GetType(), found.Loss);
        Assert.Equal(3, found.Label);
        Assert.Equal(factor, found.Factor, 1e-3);
    }

    [Fact]
    public void Several_true_outputs_are_all_found()
    {
        using var scope = NewDisposeScope();
        var (model, update) = Round(new BinaryCrossEntropy(), tensor(new float[] { 0, 1, 0, 1, 0 }).view(1, 5));

        var found = LossReading.Of(model, update, 1);

        Assert.Equal([0, 1, 0, 1, 0], found!.Targets.Select(target => (int)target));
        Assert.Equal(found.Targets, found.Labels.Soft);
    }

    [Fact]
    public void Two_images_are_not_read_as_one()
    {
        using var scope = NewDisposeScope();
        var (model, update) = Round(new CrossEntropy(), eye(2, 5));
        Assert.Null(LossReading.Of(model, update, 2));
        Assert.Null(LossReading.Of(model, update, 1));
    }

    private static (VictimModel Model, GradientSet Update) Round(Loss loss, Tensor targets)
    {
        var model = new Mlp { Width = 12, Depth = 3 }.Open(new(1, 8, 8), 5, new RandomSource(3), ScalarType.Float32, CPU);
        using var generator = new RandomSource(4).Generator(CPU);
        var images = rand([targets.shape[0], 1, 8, 8], generator: generator);
        return (model, new FedSgd { Loss = loss }.Linearize(model, new(images, targets)).Value);
    }
}
