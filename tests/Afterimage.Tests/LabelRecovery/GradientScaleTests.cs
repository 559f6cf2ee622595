using Afterimage.Audit.Clients;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>What an update that nobody described is: its factor is found, and nothing is called certain that no check has shown.</summary>
public class GradientScaleTests
{
    private static readonly DeadLeaves Leaves = new() { Shape = new(3, 16, 16), Count = 400 };

    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(1, 0.5)]
    [InlineData(1, -0.1)]
    [InlineData(1, 1e-4)]
    [InlineData(2, 1.0)]
    [InlineData(2, 2.0)]
    [InlineData(2, 0.5)]
    [InlineData(3, -0.01)]
    [InlineData(5, 5.0)]
    public void The_factor_of_a_gradient_is_read_from_the_head(int batch, double factor)
    {
        for (var seed = 0UL; seed < 4; seed++)
        {
            using var scope = NewDisposeScope();
            using var round = Open(batch, seed, new LeNet());
            var found = GradientScale.Read(round.Model, round.Update.Scale(factor), new FedSgd(), batch);
            Assert.NotNull(found);
            Assert.Equal(factor, found.Factor, 2e-3 * Math.Abs(factor));
        }
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.03)]
    [InlineData(-0.1)]
    [InlineData(128)]
    public void The_factor_of_one_image_is_read_from_a_head_without_a_bias(double factor)
    {
        for (var seed = 0UL; seed < 4; seed++)
        {
            using var scope = NewDisposeScope();
            using var round = Open(1, seed, new LeNet());
            var network = new LeNet().Describe(Leaves.Shape, 10);
            network = network with { Layers = [.. network.Layers.SkipLast(1), (Linear)network.Layers[^1] with { Bias = false }] };
            using var model = new NetworkModel(network, round.Model.Normalization,
                [.. round.Model.Parameters.SkipLast(1).Select(parameter => parameter.detach().clone())], []);
            var image = tensor(round.Truth!.Images[0].Pixels.ToArray()).view(1, 3, 16, 16);
            var batch = new Batch(image, new Labels(round.Truth.Labels, [1]).Targets(10, ScalarType.Float32, CPU));
            var update = new FedSgd().Train(model, batch, new(1)).Scale(factor);
            var found = GradientScale.Read(model, update, new FedSgd(), 1);
            Assert.NotNull(found);
            Assert.Equal(factor, found.Factor, 2e-3 * Math.Abs(factor));
            var noisy = new GradientSet(update.Layout, update.Flat + randn(update.Layout.Count) * update.Flat.square().mean().sqrt());
            Assert.Null(GradientScale.Read(model, noisy, new FedSgd(), 1));
        }
    }

    /// <summary>As behind an untrained network of large logits: either of the two classes explains the head under some factor.</summary>
    [Theory]
    [InlineData(2), InlineData(7)]
    public void Where_two_classes_share_all_probability_a_plain_gradient_is_taken_for_one(int label)
    {
        for (var seed = 0UL; seed < 8; seed++)
        {
            using var scope = NewDisposeScope();
            using var round = Open(1, seed, new LeNet());
            var bias = round.Model.Parameters[^1].detach().clone();
            bias[2] += 30;
            bias[7] += 30;
            using var model = new NetworkModel(new LeNet().Describe(Leaves.Shape, 10), round.Model.Normalization,
                [.. round.Model.Parameters.SkipLast(1).Select(parameter => parameter.detach().clone()), bias], []);
            var image = tensor(round.Truth!.Images[0].Pixels.ToArray()).view(1, 3, 16, 16);
            var update = new FedSgd().Train(model,
                new(image, new Labels([label], [1]).Targets(10, ScalarType.Float32, CPU)), new(1));
            Assert.Equal(1, GradientScale.Read(model, update, new FedSgd(), 1)!.Factor);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_update_of_noise_has_no_factor_and_no_certain_label(int batch)
    {
        for (var seed = 0UL; seed < 4; seed++)
        {
            using var scope = NewDisposeScope();
            using var round = Open(batch, seed, new LeNet());
            var noise = new GradientSet(round.Update.Layout, randn(round.Update.Layout.Count));
            Assert.Null(GradientScale.Read(round.Model, noise, new FedSgd(), batch));
            Assert.All(Recover(round, noise, new RefinedCounts()).Confidence, sure => Assert.InRange(sure, 0, 0.9));
            Assert.All(Recover(round, noise, new BiasSign()).Confidence, sure => Assert.InRange(sure, 0, 0.9));
        }
    }

    [Theory]
    [InlineData("mean-squared")]
    [InlineData("binary-cross-entropy")]
    public void The_gradient_of_another_loss_proves_no_label(string loss)
    {
        using var scope = NewDisposeScope();
        Loss lowered = loss == "mean-squared" ? new MeanSquared() : new BinaryCrossEntropy();
        using var round = Open(2, 3, new LeNet(), new FedSgd { Loss = lowered });
        var labels = Recover(round, round.Update, new RefinedCounts());
        Assert.All(labels.Confidence, sure => Assert.InRange(sure, 0, 0.9));
        Assert.Contains(labels.Reasons, reason => reason.Contains("--loss", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_negated_gradient_contradicts_its_batch(int batch)
    {
        using var scope = NewDisposeScope();
        using var round = Open(batch, 5, new LeNet());
        var labels = Recover(round, round.Update.Scale(-1), new RefinedCounts());
        Assert.All(labels.Confidence, sure => Assert.InRange(sure, 0, 0.9));
        Assert.Contains(labels.Reasons, reason => reason.Contains("--local-training", StringComparison.Ordinal));
    }

    private static ClientRound Open(int batch, ulong seed, ModelSource model, LocalTraining? training = null) =>
        new SimulatedClient { Data = Leaves, BatchSize = batch, Training = training ?? new FedSgd() }
            .Open(model, 0, new RandomSource(seed), CPU);

    private static Labels Recover(ClientRound round, GradientSet update, LabelRule rule)
    {
        using var context = new AttackContext
        {
            Model = round.Model,
            Observation = new() { Update = update, Training = new FedSgd(), BatchSize = round.BatchSize },
            Random = new(1),
        };
        return rule.Recover(context);
    }
}
