using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Execution;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Clients;

public class SimulatedClientTests
{
    private static readonly ModelSource Model = SmallAudit.Experiment.Model;

    [Theory]
    [InlineData(LabelMix.Any, 5)]
    [InlineData(LabelMix.Distinct, 3)]
    [InlineData(LabelMix.Same, 3)]
    public void Batches_share_no_image_and_mix_labels_as_asked(LabelMix mix, int batch)
    {
        using var scope = NewDisposeScope();
        var client = new SimulatedClient { Data = SmallAudit.Leaves, BatchSize = batch, Labels = mix };
        var seen = new HashSet<string>();
        for (var trial = 0; trial < 5; trial++)
        {
            using var round = client.Open(Model, trial, new RandomSource(1), CPU);
            var labels = round.Truth!.Labels;
            Assert.Equal(batch, labels.Count);
            Assert.Equal(labels, round.Labels);
            Assert.All(round.Truth.Images, image => Assert.True(seen.Add(Fingerprint(image)),
                $"trial {trial} holds an image of an earlier one"));
            if (mix != LabelMix.Any)
                Assert.Equal(mix == LabelMix.Same ? 1 : batch, labels.Distinct().Count());
            Assert.All(round.PublicImages, image => Assert.DoesNotContain(Fingerprint(image), seen));
        }
    }

    [Fact]
    public void A_trial_is_the_same_however_many_there_are()
    {
        using var scope = NewDisposeScope();
        var client = new SimulatedClient { Data = SmallAudit.Leaves, BatchSize = 2 };
        string[] Batch(ulong seed)
        {
            using var round = client.Open(Model, 1, new RandomSource(seed), CPU);
            return [.. round.Truth!.Images.Select(Fingerprint)];
        }
        Assert.Equal(Batch(1), Batch(1));
        Assert.NotEqual(Batch(1), Batch(2));
    }

    [Fact]
    public void Named_images_are_taken_in_their_order()
    {
        using var scope = NewDisposeScope();
        var client = new SimulatedClient { Data = SmallAudit.Leaves, BatchSize = 2, Images = [7, 3, 9, 1] };
        using var round = client.Open(Model, 1, new RandomSource(1), CPU);
        var images = SmallAudit.Leaves.Open();
        Assert.Equal([images[9].Label, images[1].Label], round.Truth!.Labels);
        Assert.Equal(images[9].Pixels, round.Truth.Images[0].Pixels.ToArray());
        var message = Assert.Throws<AfterimageException>(() => client.Open(Model, 2, new RandomSource(1), CPU)).Message;
        Assert.Contains("6 image numbers", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_update_is_what_its_training_gives_on_its_images()
    {
        using var scope = NewDisposeScope();
        foreach (var training in (LocalTraining[])[new FedSgd(), new FedAvg { Epochs = 2, BatchSize = 2 }])
        {
            using var round = new SimulatedClient { Data = SmallAudit.Leaves, BatchSize = 3, Training = training }.Open(Model, 0,
                new RandomSource(1), CPU);
            var images = tensor([.. round.Truth!.Images.SelectMany(image => image.Pixels.ToArray())], [3, 1, 8, 8]);
            var targets = new Labels(round.Truth.Labels, []).Targets(4, ScalarType.Float32, CPU);
            // One graph of all steps and a walk through them round differently, and so do arrays that lie differently in memory.
            var difference = training.Linearize(round.Model, new(images, targets)).Value.Flat - round.Update.Flat;
            Assert.InRange(difference.norm().ToDouble() / round.Update.Norm(), 0, 1e-6);
        }
    }

    [Fact]
    public void Too_few_images_are_counted_before_anything_runs()
    {
        var client = new SimulatedClient { Data = SmallAudit.Leaves, BatchSize = 5, Labels = LabelMix.Distinct };
        Refusal.Says("distinct labels", () => client.Open(Model, 0, new RandomSource(1), CPU));
        Refusal.Says("/batchSize is 0", () => (client with { BatchSize = 0 }).Open(Model, 0, new RandomSource(1), CPU));
        Refusal.Says("too few images", () => (client with { BatchSize = 9, Labels = LabelMix.Any })
            .Open(Model, 4, new RandomSource(1), CPU));
    }

    [Fact]
    public void A_round_gives_its_tensors_back_and_a_refused_one_too()
    {
        var before = Live.Tensors;
        new SimulatedClient { Data = SmallAudit.Leaves }.Open(Model, 0, new RandomSource(1), CPU).Dispose();
        Assert.Equal(before, Live.Tensors);
        var useless = new SimulatedClient { Data = SmallAudit.Leaves, Training = new FedAvg { Epochs = 0 } };
        Assert.Throws<AfterimageException>(() => useless.Open(Model, 0, new RandomSource(1), CPU));
        Assert.Equal(before, Live.Tensors);
    }

    private static string Fingerprint(Afterimage.Audit.Clients.Image image) => string.Join(',', image.Pixels.ToArray());
}
