using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

public class LocalTrainingTests
{
    public static TheoryData<string, FedAvg> Trainings => new()
    {
        { "plain", new() { Epochs = 2, BatchSize = 2 } },
        { "heavy ball", new() { Epochs = 3, BatchSize = 2, Optimizer = new Sgd { Momentum = 0.9 } } },
        { "Nesterov", new() { Epochs = 2, BatchSize = 3, Optimizer = new Sgd { Momentum = 0.8, Nesterov = true, WeightDecay = 0.02 } } },
        { "decay", new() { Epochs = 2, BatchSize = 4, Optimizer = new Sgd { WeightDecay = 0.1 } } },
        { "AdamW", new() { Epochs = 3, BatchSize = 2, Optimizer = new AdamW { WeightDecay = 0.05 } } },
        {
            "one step of AdamW",
            new() { BatchSize = 5, Optimizer = new AdamW { Beta1 = 0.7, Beta2 = 0.9, Epsilon = 1e-3, WeightDecay = 0 } }
        },
    };

    [Theory, MemberData(nameof(Trainings))]
    public void Unrolled_training_is_what_a_naive_client_does(string name, FedAvg training)
    {
        Assert.NotEmpty(name);
        using var scope = NewDisposeScope();
        foreach (var mode in Enum.GetValues<ModelMode>())
        {
            using var client = new NaiveClient();
            var (images, targets, labels) = NaiveClient.Batch(5);
            var simulated = training with { Mode = mode, LearningRate = 0.05 };
            var naive = client.Train(simulated, images, labels);
            Near(naive, simulated.Linearize(client.Model, new(images, targets)).Value.Flat, 1e-7);
            Near(naive, simulated.Train(client.Model, new(images, targets), new(1)).Flat, 1e-7);
            using var stepwise = simulated.Operator(client.Model, 5, OperatorChoice.Stepwise);
            Near(naive, stepwise.At(new(images, targets)).Value.Flat, 1e-7);
        }
    }

    [Theory, MemberData(nameof(Trainings))]
    public void Step_by_step_the_products_are_those_of_one_graph(string name, FedAvg training)
    {
        Assert.NotEmpty(name);
        using var scope = NewDisposeScope();
        using var client = new NaiveClient(dropout: 0.4);
        var (images, targets, _) = NaiveClient.Batch(5);
        training = training with { Mode = ModelMode.Train, LearningRate = 0.05, Shuffle = true };
        var chance = training.Draw(client.Model, 5, new(4));
        Assert.NotNull(chance.Orders);
        Assert.NotNull(chance.Masks);
        var values = chance.Masks.reshape(-1);
        var whole = new GraphJointLinearization(client.Model.Layout, new(images, targets), values,
            (batch, masks) => training.Update(client.Model, batch, new(chance.Orders, masks.view(chance.Masks.shape))));
        var stepwise = new StepwiseLinearization(training.Run(client.Model, 5, chance), new(images, targets));
        Near(whole.Value.Flat, stepwise.Value.Flat, 1e-12);
        var v = new GradientSet(client.Model.Layout, randn([client.Model.Layout.Count], ScalarType.Float64));
        var ((forImages, forTargets), forMasks) = stepwise.PullbackAll(v);
        var (expected, expectedMasks) = whole.Pullback(v);
        Near(expected.Inputs, forImages, 1e-9);
        Near(expected.Targets, forTargets, 1e-9);
        Near(expectedMasks, forMasks!.reshape(-1), 1e-9);
        Near(forImages, stepwise.Pullback(v).Inputs, 1e-15);
        var u = randn(images.shape, ScalarType.Float64);
        Near(training.Linearize(client.Model, new(images, targets), chance).Pushforward(u).Flat, stepwise.Pushforward(u).Flat, 1e-9);
    }

    [Fact]
    public void A_walk_step_by_step_gives_its_tensors_back()
    {
        using var client = new NaiveClient();
        using var outer = NewDisposeScope();
        var (images, targets, _) = NaiveClient.Batch(6);
        var training = new FedAvg { Epochs = 3, BatchSize = 1, Optimizer = new AdamW() };
        using var forward = training.Operator(client.Model, 6);
        Assert.Equal("stepwise", forward.Name);
        var before = Laws.Live.Tensors;
        using (NewDisposeScope())
        {
            var point = forward.At(new(images, targets));
            var kept = Laws.Live.Tensors - before;
            // Eighteen steps make segments of five: four borders of three tensors for each of six parameters, and the update.
            Assert.InRange(kept, 4 * 18 - 6, 4 * 18 + 8);
            point.Pullback(point.Value);
            Assert.Equal(before + kept + 2, Laws.Live.Tensors);
            point.Pushforward(images);
            Assert.Equal(before + kept + 3, Laws.Live.Tensors);
        }
        Assert.Equal(before, Laws.Live.Tensors);
    }

    [Fact]
    public void A_shuffling_client_trains_in_orders_that_only_its_seed_knows()
    {
        using var scope = NewDisposeScope();
        var training = new FedAvg { Epochs = 3, BatchSize = 2, LearningRate = 0.05, Shuffle = true };
        using var client = new NaiveClient();
        var (images, targets, labels) = NaiveClient.Batch(5);
        var orders = training.Draw(client.Model, 5, new(4)).Orders!;
        Assert.All(orders, order => Assert.Equal(Enumerable.Range(0, 5), order.Order()));
        Assert.False(orders[0].SequenceEqual(orders[1]) && orders[1].SequenceEqual(orders[2]));
        var sent = training.Train(client.Model, new(images, targets), new(4)).Flat;
        Assert.True(sent.equal(training.Train(client.Model, new(images, targets), new(4)).Flat).all().ToBoolean());
        Assert.False(sent.equal(training.Train(client.Model, new(images, targets), new(5)).Flat).all().ToBoolean());
        Assert.False(sent.equal(training.Linearize(client.Model, new(images, targets)).Value.Flat).all().ToBoolean());
        Near(client.Train(training, images, labels, [.. orders]), sent, 1e-9);
    }

    [Fact]
    public void An_aggregate_is_the_mean_weighted_by_numbers_of_images()
    {
        using var scope = NewDisposeScope();
        var (images, targets, labels) = NaiveClient.Batch(7);
        var local = new FedAvg { Epochs = 2, BatchSize = 2, LearningRate = 0.05, Mode = ModelMode.Train };
        var sum = zeros([0]);
        foreach (var (from, to) in ((int, int)[])[(0, 2), (2, 7)])
        {
            using var user = new NaiveClient();
            var part = user.Train(local, images[from..to], labels[from..to]) * ((to - from) / 7.0);
            sum = sum.numel() == 0 ? part : sum + part;
        }
        using var client = new NaiveClient();
        var aggregate = new Aggregate { Sizes = [2, 5], Local = local, Mode = ModelMode.Train };
        Near(sum, aggregate.Train(client.Model, new(images, targets), new(1)).Flat, 1e-9);
        Near(sum, aggregate.Linearize(client.Model, new(images, targets)).Value.Flat, 1e-9);
        using var forward = aggregate.Operator(client.Model, 7);
        var (point, graph) = (forward.At(new(images, targets)), aggregate.Linearize(client.Model, new(images, targets)));
        Near(sum, point.Value.Flat, 1e-9);
        Near(graph.Pullback(graph.Value).Inputs, point.Pullback(graph.Value).Inputs, 1e-9);
        Near(graph.Pullback(graph.Value).Targets, point.Pullback(graph.Value).Targets, 1e-9);
        Near(graph.Pushforward(images).Flat, point.Pushforward(images).Flat, 1e-9);
        Assert.Equal(-0.05 * (2.0 / 7 * 2 + 5.0 / 7 * 6), aggregate.GradientFactor(7), 1e-12);
        Refusal.Says("sum is the batch size", () => aggregate.Train(client.Model, new(images[..3], targets[..3]), new(1)));
    }

    [Fact]
    public void An_aggregate_of_gradients_is_one_gradient_of_all_images()
    {
        using var scope = NewDisposeScope();
        using var client = new NaiveClient();
        var (images, targets, _) = NaiveClient.Batch(5);
        var gradient = new FedSgd().Linearize(client.Model, new(images, targets)).Value.Flat;
        foreach (var aggregate in (Aggregate[])[new(), new() { Sizes = [4, 1] }])
        {
            Near(gradient, aggregate.Linearize(client.Model, new(images, targets)).Value.Flat, 1e-12);
            using var compiled = aggregate.Operator(client.Model, 5, OperatorChoice.Compiled);
            Assert.Equal("compiled", compiled.Name);
            Near(gradient, compiled.At(new(images, targets)).Value.Flat, 1e-12);
        }
        var inTraining = new Aggregate { Sizes = [3, 2], Mode = ModelMode.Train };
        var trained = inTraining.Linearize(client.Model, new(images, targets)).Value.Flat;
        Assert.False(gradient.allclose(trained));
        using var each = inTraining.Operator(client.Model, 5, OperatorChoice.Compiled);
        Near(trained, each.At(new(images, targets)).Value.Flat, 1e-9);
    }

    [Fact]
    public void A_gain_is_how_far_a_constant_gradient_moves_a_weight()
    {
        using var scope = NewDisposeScope();
        foreach (var optimizer in (LocalOptimizer[])[new Sgd(), new Sgd { Momentum = 0.9 }, new Sgd { Momentum = 0.5, Nesterov = true },
            new AdamW { WeightDecay = 0 }])
        {
            var weight = zeros([1], ScalarType.Float64);
            Tensor[] memory = [.. Enumerable.Range(0, optimizer.Memory).Select(_ => zeros_like(weight))];
            for (var step = 1; step <= 7; step++)
                (weight, memory) = optimizer.Step(weight, ones_like(weight), memory, 0.1, step);
            Assert.Equal(-0.1 * optimizer.Gain(7), weight.ToDouble(), 1e-12);
        }
    }

    [Fact]
    public void A_weight_that_never_moved_has_a_derivative()
    {
        using var scope = NewDisposeScope();
        var gradient = zeros([2], ScalarType.Float64).requires_grad_();
        var (weight, _) = new AdamW().Step(ones([2], ScalarType.Float64), gradient, [zeros_like(gradient), zeros_like(gradient)], 0.1, 1);
        Assert.True(Differentiate.Gradients(weight.sum(), [gradient])[0].isfinite().all().ToBoolean());
    }

    [Theory]
    [InlineData("/optimizer/momentum is 1.5", 1.5, false, 0.0)]
    [InlineData("/optimizer/weightDecay is -1", 0.0, false, -1.0)]
    [InlineData("Nesterov's momentum needs a momentum", 0.0, true, 0.0)]
    public void An_optimizer_that_cannot_be_is_refused(string reason, double momentum, bool nesterov, double decay)
    {
        using var scope = NewDisposeScope();
        using var client = new NaiveClient();
        var (images, targets, _) = NaiveClient.Batch(2);
        var training = new FedAvg { Optimizer = new Sgd { Momentum = momentum, Nesterov = nesterov, WeightDecay = decay } };
        Refusal.Says(reason, () => training.Linearize(client.Model, new(images, targets)));
    }

    private static void Near(Tensor expected, Tensor found, double tolerance)
    {
        Assert.Equal(expected.shape, found.shape);
        Assert.InRange((expected - found).norm().ToDouble(), 0, tolerance * expected.norm().ToDouble());
    }
}
