using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

public class DropoutTests
{
    private static readonly Mlp Model = new() { Depth = 3, Width = 16, Dropout = 0.3 };

    [Fact]
    public void A_mask_multiplies_what_passes_and_keeps_its_mean()
    {
        using var scope = NewDisposeScope();
        var model = Model.Open(new(1, 4, 4), 3, new(1), ScalarType.Float64, CPU);
        var images = rand([2, 1, 4, 4], ScalarType.Float64);
        var masks = (rand([2, 32], ScalarType.Float64) < 0.7).to(ScalarType.Float64);
        var p = model.Parameters;
        var hidden = nn.functional.linear(images.flatten(1), p[0], p[1]).relu() * masks.narrow(1, 0, 16) / 0.7;
        hidden = nn.functional.linear(hidden, p[2], p[3]).relu() * masks.narrow(1, 16, 16) / 0.7;
        var expected = nn.functional.linear(hidden, p[4], p[5]);
        Assert.True(expected.allclose(model.Logits(images, ModelMode.Train, masks: masks)));
        Assert.True(model.Logits(images).allclose(model.Logits(images, ModelMode.Train)));
        Assert.True(model.Logits(images).allclose(model.Logits(images, ModelMode.Eval, masks: masks)));
        Assert.True(model.Logits(images).allclose(model.Logits(images, ModelMode.Train, masks: full_like(masks, 0.7))));
        Refusal.Says("[2,32]", () => model.Logits(images, ModelMode.Train, masks: masks.narrow(1, 0, 31)));
    }

    [Fact]
    public void Names_follow_those_of_a_sequential_with_dropout()
    {
        var network = Model.Describe(new(1, 4, 4), 3);
        Assert.Equal(["1.weight", "1.bias", "4.weight", "4.bias", "7.weight", "7.bias"], network.Parameters.Select(spec => spec.Name));
        Assert.Equal(["3", "6"], network.Dropouts.Select(pair => pair.Layer.Name));
        Assert.Equal(32, network.MaskCount);
        Assert.Equal(0, (Model with { Dropout = 0 }).Describe(new(1, 4, 4), 3).MaskCount);
        Assert.Equal(768, new LeNet { Dropout = 0.5 }.Describe(new(3, 32, 32), 10).MaskCount);
        Refusal.Says("rate 1.5", () => (Model with { Dropout = 1.5 }).Describe(new(1, 4, 4), 3).Checked());
    }

    [Fact]
    public void A_client_draws_masks_in_train_mode_alone()
    {
        using var scope = NewDisposeScope();
        var model = Model.Open(new(1, 4, 4), 3, new(1), ScalarType.Float64, CPU);
        var images = rand([8, 1, 4, 4], ScalarType.Float64);
        var targets = new Labels(Enumerable.Range(0, 8).Select(i => i % 3).ToValueList(), []).Targets(3, ScalarType.Float64, CPU);
        foreach (var training in (LocalTraining[])[new FedSgd(), new FedAvg { Epochs = 50, BatchSize = 4 }, new Aggregate { Sizes = [2, 6] }])
        {
            Assert.Null(training.Draw(model, 8, new(1)).Masks);
            var dropping = training with { Mode = ModelMode.Train };
            var masks = dropping.Draw(model, 8, new(1)).Masks!;
            Assert.Equal([training.MaskRows(8), 32], masks.shape);
            Assert.InRange(masks.mean().ToDouble(), 0.7 - 2 / Math.Sqrt(masks.numel()), 0.7 + 2 / Math.Sqrt(masks.numel()));
            Assert.True(masks.eq(0).logical_or(masks.eq(1)).all().ToBoolean());
        }
        var sgd = new FedSgd { Mode = ModelMode.Train };
        Assert.False(sgd.Train(model, new(images, targets), new(1)).Flat.allclose(sgd.Train(model, new(images, targets), new(2)).Flat));
        Assert.Equal("autograd", sgd.Operator(model, 8).Name);
        Refusal.Says("Dropout in train mode draws masks", () => sgd.Operator(model, 8, OperatorChoice.Compiled));
        using var compiled = new FedSgd().Operator(model, 8, OperatorChoice.Compiled);
        var expected = new FedSgd().Linearize(model, new(images, targets)).Value.Flat;
        Assert.True(expected.allclose(compiled.At(new(images, targets)).Value.Flat));
    }

    [Fact]
    public void Every_entry_of_an_epoch_into_a_step_has_masks_of_its_own()
    {
        using var scope = NewDisposeScope();
        var model = Model.Open(new(1, 4, 4), 3, new(1), ScalarType.Float64, CPU);
        var images = rand([4, 1, 4, 4], ScalarType.Float64);
        var targets = new Labels([0, 1, 2, 0], []).Targets(3, ScalarType.Float64, CPU);
        var training = new FedAvg { Epochs = 2, BatchSize = 2, LearningRate = 0.1, Mode = ModelMode.Train };
        var masks = training.Draw(model, 4, new(1)).Masks!;
        IReadOnlyList<Tensor> weights = model.Parameters;
        for (var step = 0; step < 4; step++)
        {
            var from = step % 2 * 2;
            var logits = model.Logits(images[from..(from + 2)], ModelMode.Train, weights, masks[(2 * step)..(2 * step + 2)]);
            var gradients = Differentiate.Gradients(nn.functional.cross_entropy(logits, targets[from..(from + 2)].argmax(1)), weights);
            weights = [.. weights.Zip(gradients, (weight, gradient) => (weight - gradient * 0.1).detach().requires_grad_())];
        }
        var expected = cat([.. weights.Zip(model.Parameters, (after, before) => (after - before).detach().reshape(-1))]);
        Assert.True(expected.allclose(training.Linearize(model, new(images, targets), new(null, masks)).Value.Flat));
    }
}
