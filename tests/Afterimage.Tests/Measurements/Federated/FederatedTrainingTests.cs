using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Measurements;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Measurements;

public class FederatedTrainingTests
{
    private static readonly DeadLeaves Leaves = new() { Shape = new(1, 8, 8), Count = 60, Classes = 3 };

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public void No_image_has_two_places(double dirichlet)
    {
        int[] labels = [.. Enumerable.Range(0, 200).Select(index => index % 5)];
        var settings = new FederationSettings { Clients = 4, TestImages = 30, Attacked = 3, TrainImages = 120, Dirichlet = dirichlet };
        var split = ClientSplit.Of(labels, settings, 2, new(1));
        int[] all = [.. split.Test, .. split.HeldOut.SelectMany(part => part), .. split.Clients.SelectMany(part => part)];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal((30, 3, 120), (split.Test.Length, split.HeldOut.Length, split.Clients.Sum(part => part.Length)));
        Assert.All(split.HeldOut, part => Assert.Equal(2, part.Length));
        if (dirichlet == 0)
            Assert.All(split.Clients, part => Assert.Equal(30, part.Length));
    }

    [Fact]
    public void Dirichlet_shares_have_the_moments_of_the_distribution()
    {
        var chance = new RandomSource(3).Managed();
        foreach (var concentration in new[] { 0.1, 1.0, 8.0 })
        {
            var draws = Enumerable.Range(0, 4000).Select(_ => ClientSplit.Shares(4, concentration, chance)).ToArray();
            Assert.All(draws, draw => Assert.Equal(1, draw.Sum(), 1e-12));
            Assert.Equal(0.25, draws.Average(draw => draw[0]), 0.03);
            var variance = draws.Average(draw => Math.Pow(draw[1] - 0.25, 2));
            Assert.Equal(0.25 * 0.75 / (4 * concentration + 1), variance, 0.1 * variance);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_round_moves_the_model_by_the_mean_of_what_clients_send(bool averaging)
    {
        using var scope = NewDisposeScope();
        var data = Leaves.Open();
        LocalTraining training = averaging ? new FedAvg { Epochs = 2, BatchSize = 5, LearningRate = 0.1 } : new FedSgd();
        var (defense, settings) = (new NormBound { Bound = 0.05 },
            new FederationSettings
            {
                Clients = 2, TestImages = 10, TrainImages = 20, ClientBatch = 10, ServerRate = 0.5, ServerMomentum = 0.5,
            });
        int[] labels = [.. Enumerable.Range(0, data.Count).Select(index => data[index].Label)];
        var split = ClientSplit.Of(labels, settings, 1, new(1));
        using var model = new Mlp { Depth = 2, Width = 6, Activation = ActivationKind.Tanh }
            .Open(new(1, 8, 8), 3, new(1), ScalarType.Float32, CPU);
        using var slow = model.To(ScalarType.Float64, CPU);
        using var federation = new FederatedTraining(model, data, split, new() { Data = Leaves, Training = training, Defense = defense },
            settings, new(7));
        var velocity = zeros([model.Layout.Count], ScalarType.Float64);
        for (var round = 0; round < 2; round++)
        {
            federation.Round(TestContext.Current.CancellationToken);
            // Every client trains on all that it holds, so that the order matters only to federated averaging, which has it queued.
            var sum = zeros_like(velocity);
            foreach (var (number, part) in split.Clients.Index())
            {
                int[] queue = [.. part];
                new RandomSource(7).Derive("order", number).Managed().Shuffle(queue);
                var images = cat([.. queue.Select(index => tensor(data[index].Pixels, ScalarType.Float64).view(1, 1, 8, 8))]);
                var known = new Labels(queue.Select(index => data[index].Label).ToValueList(), Enumerable.Repeat(1.0, 10).ToValueList());
                var sent = training.Train(slow, new(images, known.Targets(3, ScalarType.Float64, CPU)), new(1)).Flat;
                var norm = sent.norm().ToDouble();
                sum += sent * Math.Min(1, 0.05 / norm) / 2;
            }
            velocity = velocity * 0.5 + sum;
            using (no_grad())
                foreach (var (parameter, change) in slow.Parameters.Zip(
                    new GradientSet(slow.Layout, velocity * (averaging ? 0.5 : -0.5)).Split()))
                    parameter.add_(change);
        }
        foreach (var (fast, naive) in model.Parameters.Zip(slow.Parameters))
            Assert.True((fast.to(ScalarType.Float64) - naive).abs().max().ToDouble() < 1e-6);
        Assert.Equal(2, federation.Rounds);
        Assert.InRange(federation.Accuracy(), 0, 1);
    }

    [Fact]
    public void Too_few_images_are_answered_with_a_sentence()
    {
        var error = Assert.Throws<AfterimageException>(() => ClientSplit.Of(new int[20], new() { TestImages = 30 }, 1, new(1)));
        Assert.Contains("lower testImages", error.Message, StringComparison.Ordinal);
    }
}
