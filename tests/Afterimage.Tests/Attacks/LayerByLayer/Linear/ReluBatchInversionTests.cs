using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class ReluBatchInversionTests
{
    private static readonly ImageShape Small = new(3, 16, 16);

    [Theory]
    [InlineData("mlp4-b1"), InlineData("mlp4-b8-same"), InlineData("mlp4-b16-mixed")]
    public void A_PyTorch_client_is_read_exactly_with_every_label(string name)
    {
        using var scope = NewDisposeScope();
        var client = Recorded.PyTorch(name);
        using var found = new ReluBatchInversion().Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.InRange(value, 120, double.PositiveInfinity));
        Assert.Equal(client.Labels, labels);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.InRange(found.RelativeMisfit, 0, 1e-5);
    }

    [Theory]
    [InlineData(1UL), InlineData(2UL), InlineData(3UL)]
    public void A_batch_of_one_class_is_no_harder(ulong seed)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 128, Depth = 3 }, Small, [4, 4, 4, 4, 4, 4], seed: seed);
        using var found = new ReluBatchInversion().Run(client.Context);
        Assert.All(client.Judge(found).Psnr, value => Assert.InRange(value, 90, double.PositiveInfinity));
    }

    [Fact]
    public void A_batch_of_24_needs_dictionary_learning()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 256, Depth = 3 }, Small, [.. Enumerable.Range(0, 24).Select(i => i % 7)]);
        using var found = new ReluBatchInversion().Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.InRange(value, 90, double.PositiveInfinity));
        Assert.Equal(client.Labels, labels);
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 96 }, new(1, 12, 12), [0, 1, 2, 3, 3, 3, 4, 5, 6, 7]);
        using var first = new ReluBatchInversion().Run(client.Context);
        using var second = new ReluBatchInversion().Run(client.Context);
        Assert.True(first.Images.equal(second.Images).all().ToBoolean());
        Assert.Equal(first.Labels, second.Labels);
    }

    [Fact]
    public void Images_that_are_alike_lower_the_rank_and_it_says_so()
    {
        using var scope = NewDisposeScope();
        var random = new RandomSource(1);
        var model = new Mlp { Width = 96 }.Open(new(1, 12, 12), 10, random, ScalarType.Float32, CPU);
        using var generator = random.Generator(CPU);
        var two = rand([2, 1, 12, 12], generator: generator);
        var client = Simulated.Of(model, cat([two, two[0].unsqueeze(0)]), [3, 5, 3], new FedSgd(), random);
        using var found = new ReluBatchInversion().Run(client.Context);
        Assert.Contains(found.Evidence, note => note == new BatchRank(2, 3));
        Assert.All(client.Judge(found).Psnr, value => Assert.InRange(value, 90, double.PositiveInfinity));
    }

    [Fact]
    public void More_samples_than_announced_are_refused()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 96 }, new(1, 12, 12), [0, 1, 2, 3]);
        using var context = new AttackContext
        {
            Model = client.Context.Model,
            Observation = new() { Update = client.Context.Observation.Update, Training = new FedSgd(), BatchSize = 3 },
            Random = new(1),
        };
        using var found = new ReluBatchInversion().Run(context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("rank 4, but the batch has 3", found.Outcome.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Noise_on_the_update_is_refused_not_read()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 64 }, new(1, 12, 12), [0, 1, 2, 3]);
        var flat = client.Context.Observation.Update.Flat;
        using var generator = new RandomSource(9).Generator(CPU);
        flat.add_(randn(flat.shape, generator: generator) * flat.norm());
        using var found = new ReluBatchInversion().Run(client.Context);
        Assert.NotEqual(OutcomeKind.Converged, found.Outcome.Kind);
    }

    [Theory]
    [InlineData(ActivationKind.Sigmoid), InlineData(ActivationKind.LeakyReLU)]
    public void A_layer_without_ReLU_is_refused_with_advice(ActivationKind activation)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 32, Activation = activation }, new(1, 8, 8), [0, 1]);
        using var found = new ReluBatchInversion().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("followed by ReLU", found.Outcome.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_canceled_search_still_hands_back_a_batch()
    {
        using var scope = NewDisposeScope();
        using var canceled = new CancellationTokenSource();
        canceled.Cancel();
        var client = Simulated.Batch(new Mlp { Width = 96 }, new(1, 12, 12), [0, 1, 2, 3]);
        using var found = new ReluBatchInversion().Run(client.Context, null, canceled.Token);
        Assert.Equal([4, 1, 12, 12], found.Images.shape);
        Assert.Equal(OutcomeKind.Canceled, found.Outcome.Kind);
    }

    [Fact]
    public void A_layer_too_narrow_for_its_batch_ends_in_an_outcome()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 24 }, new(1, 12, 12), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        using var found = new ReluBatchInversion { Rounds = 2, Starts = 50 }.Run(client.Context);
        Assert.Equal([10, 1, 12, 12], found.Images.shape);
        Assert.NotEmpty(found.Outcome.Advice);
    }
}
