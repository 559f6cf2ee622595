using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Audit.Measurements.LabelTables;
using Afterimage.Audit.Threats;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Measurements;

/// <summary>Clients with soft labels and certain mixes, hidden batch sizes, and rounds without a graph.</summary>
public class LabelRoundTests
{
    private static readonly DeadLeaves Leaves = new() { Shape = new(1, 8, 8), Count = 200 };

    [Theory]
    [InlineData(LabelMix.Balanced, 12)]
    [InlineData(LabelMix.Repeated, 8)]
    [InlineData(LabelMix.Distinct, 5)]
    [InlineData(LabelMix.Same, 4)]
    public void A_mix_is_what_it_says(LabelMix mix, int batch)
    {
        using var round = Open(new() { Data = Leaves, BatchSize = batch, Labels = mix });
        var counts = round.Labels!.Value.CountBy(label => label).Select(pair => pair.Value).OrderDescending().ToArray();
        Assert.Equal(mix switch
        {
            LabelMix.Balanced => [2, 2, 1, 1, 1, 1, 1, 1, 1, 1],
            LabelMix.Repeated => [4, 2, 2],
            LabelMix.Distinct => [1, 1, 1, 1, 1],
            _ => (int[])[4],
        }, counts);
    }

    [Fact]
    public void Smoothing_and_mixup_make_soft_targets_that_sum_to_one()
    {
        using var round = new SimulatedClient { Data = Leaves, BatchSize = 3, Mixing = new() { Smoothing = 0.1, Mixup = 1 } }
            .Open(new Mlp { Width = 8 }, 0, new RandomSource(1), CPU);
        var soft = round.Truth!.Soft!.Value.Chunk(10).ToArray();
        Assert.All(soft, label => Assert.Equal(1, label.Sum(), 1e-9));
        Assert.All(soft, label => Assert.Equal(0.01, label.Min(), 1e-9));
        Assert.All(soft.Zip(round.Truth.Labels), pair => Assert.Equal(pair.First.Max(), pair.First[pair.Second]));
        Refusal.Says("/mixing/smoothing is 1", () => Open(new() { Data = Leaves, Mixing = new() { Smoothing = 1 } }));
    }

    [Fact]
    public void A_hidden_batch_size_is_an_estimate()
    {
        using var round = Open(new() { Data = Leaves, BatchSize = 3, Labels = LabelMix.Distinct }, width: 24);
        var seen = new ThreatModel { RevealBatchSize = false }.Reveal(round);
        Assert.Equal(3, seen.BatchSize);
        Assert.NotNull(seen.Estimate);
        Assert.Null(new ThreatModel().Reveal(round).Estimate);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Too_few_or_too_many_images_are_judged(int returned)
    {
        var shape = new ImageShape(1, 8, 8);
        var pictures = Enumerable.Range(0, 3).Select(i => Leaves.Open()[i].Pixels).ToArray();
        var truth = new PrivateBatch(shape, pictures[..2], [0, 1], ["a", "b"]);
        var labels = Enumerable.Range(0, returned).Select(i => i % 2).ToArray();
        var baselines = new Baselines(new ImageBatch(shape, pictures), new RandomSource(1));
        var judged = Judge.Compare(truth, new ImageBatch(shape, pictures[..returned]), labels, baselines);
        Assert.Equal(2, judged.Images.Count);
        Assert.Equal(returned == 1 ? JudgedImage.Missing : 1, judged.Images[1].Reconstruction);
    }

    [Theory]
    [InlineData(ModelMode.Eval)]
    [InlineData(ModelMode.Train)]
    public void Rounds_without_a_graph_send_the_same(ModelMode mode)
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new ConvNet { Width = 2 }, batch: 5, type: ScalarType.Float32, shape: new(1, 18, 18));
        var rounds = new LabelRounds(scene.Model, mode);
        var sent = new FedSgd { Mode = mode }.Linearize(scene.Model, new(scene.Images, scene.Targets)).Value;
        Near(sent, rounds.Gradient(scene.Images, scene.Targets));
        var training = new FedAvg { BatchSize = 2, LearningRate = 0.1, Mode = mode };
        if (mode == ModelMode.Train)
            training = training with { BatchSize = 5 };
        foreach (var (epochs, difference) in new[] { 1, 2 }.Zip(rounds.Differences(scene.Images, scene.Targets, training, [1, 2])))
            Near((training with { Epochs = epochs }).Linearize(scene.Model, new(scene.Images, scene.Targets)).Value, difference);
    }

    private static void Near(GradientSet expected, GradientSet found) =>
        Assert.InRange(((expected.Flat - found.Flat).norm() / expected.Flat.norm()).ToDouble(), 0, 2e-3);

    private static ClientRound Open(SimulatedClient client, int width = 8) =>
        client.Open(new Mlp { Width = width }, 0, new RandomSource(1), CPU);
}
