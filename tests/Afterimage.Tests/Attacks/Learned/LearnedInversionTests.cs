using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Starts;
using Afterimage.Tests.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public sealed class LearnedInversionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact, Trait("Category", "slow")]
    public void It_beats_the_mean_image_on_images_that_nothing_was_trained_on_and_matching_goes_on_from_there()
    {
        using var scope = NewDisposeScope();
        var path = Trained(new() { Size = 256, Hidden = 64, Width = 8, Images = 32, Steps = 300, Every = 100, Averaging = 0.95 });
        var (unseen, mean) = (ToyInverter.Images(12, seed: 9), Mean(ToyInverter.Images(400)));
        var (learned, gray, refined) = (0.0, 0.0, 0.0);
        var brief = new GradientMatching
        {
            Labels = new Given(), Start = new Learned { Inverter = path }, Solver = new Lbfgs { Iterations = 20 },
        };
        for (var i = 0; i < 12; i++)
        {
            using var victim = ToyInverter.Victim();
            var truth = Tensor(unseen[i]);
            using var context = Round(victim, new None(), [unseen[i]]);
            using var found = new LearnedInversion { Inverter = path }.Run(context);
            using var further = brief.Run(context);
            learned += (found.Images - truth).square().mean().ToDouble();
            gray += (mean - truth).square().mean().ToDouble();
            refined += (further.Images - truth).square().mean().ToDouble();
            Assert.Equal(OutcomeKind.BudgetSpent, found.Outcome.Kind);
            Assert.Contains("held-out images of its training data", Assert.Single(found.Evidence).Sentence, StringComparison.Ordinal);
        }
        Assert.InRange(learned, 0, gray / 2);
        Assert.InRange(refined, 0, learned / 2);
    }

    [Fact, Trait("Category", "slow")]
    public void Images_of_a_batch_stand_in_the_order_of_their_labels()
    {
        using var scope = NewDisposeScope();
        var path = Trained(
            new() { Size = 512, Hidden = 128, Width = 8, Images = 32, Batch = 2, Steps = 300, Every = 150, Averaging = 0.95 });
        var unseen = ToyInverter.Images(40, seed: 9);
        var (ordered, exchanged, pairs) = (0.0, 0.0, 0);
        for (var i = 0; i < 40; i += 2)
        {
            if (unseen[i].Label == unseen[i + 1].Label)
                continue;
            LabeledImage[] batch = unseen[i].Label < unseen[i + 1].Label ? [unseen[i], unseen[i + 1]] : [unseen[i + 1], unseen[i]];
            using var victim = ToyInverter.Victim();
            using var context = Round(victim, new None(), batch);
            using var found = new LearnedInversion { Inverter = path, Labels = new Given() }.Run(context);
            var truth = cat([.. batch.Select(Tensor)]);
            ordered += (found.Images - truth).square().mean().ToDouble();
            exchanged += (found.Images - truth.flip(0)).square().mean().ToDouble();
            pairs++;
        }
        Assert.True(pairs > 5);
        Assert.True(ordered < exchanged, $"{ordered / pairs} in order, {exchanged / pairs} exchanged");
    }

    [Fact]
    public void A_file_of_another_architecture_training_or_batch_is_refused()
    {
        using var scope = NewDisposeScope();
        var attack = new LearnedInversion { Inverter = ToyInverter.Write(ToyInverter.Victim(), folder["i.safetensors"], batch: 1) };
        var images = ToyInverter.Images(2);
        using (var wider = ToyInverter.Victim(width: 25))
        using (var context = Round(wider, new None(), [images[0]]))
        {
            Refusal.Says("trained for another architecture", () => attack.Run(context));
            Refusal.Says("trained for another architecture",
                () => new GradientMatching { Start = new Learned { Inverter = attack.Inverter } }.Run(context));
        }
        using var victim = ToyInverter.Victim();
        using (var context = Round(victim, new None(), [images[0], images[1]]))
            Refusal.Says("trained for batches of at most 1, and this one has 2 images", () => attack.Run(context));
        using (var context = Round(victim, new None(), [images[0]], new FedAvg()))
            Refusal.Says("trained on single gradients", () => attack.Run(context));
        using (var context = Round(victim, new None(), [images[0]]))
        {
            Refusal.Says("needs a trained inverter", () => new LearnedInversion().Run(context));
            Refusal.Says("needs a trained inverter", () => new GradientMatching { Start = new Learned() }.Run(context));
            Refusal.Says("none.safetensors does not exist",
                () => new LearnedInversion { Inverter = folder["none.safetensors"] }.Run(context));
        }
    }

    [Fact]
    public void Other_weights_and_another_defense_are_said()
    {
        using var scope = NewDisposeScope();
        var attack = new LearnedInversion { Inverter = ToyInverter.Write(ToyInverter.Victim(), folder["i.safetensors"], batch: 1) };
        string[] Said(ulong seed, Defense defense)
        {
            using var victim = ToyInverter.Victim(seed);
            using var context = Round(victim, defense, [ToyInverter.Images(1)[0]]);
            using var found = attack.Run(context);
            Assert.NotEqual(OutcomeKind.Refused, found.Outcome.Kind);
            return [.. found.Evidence.Select(remark => remark.Sentence)];
        }
        Assert.Single(Said(1, new None()));
        Assert.Contains("trained for other weights of this architecture", Said(2, new None())[1], StringComparison.Ordinal);
        Assert.Contains("trained for an update without defense, and this is one of which only signs were sent",
            Said(1, new Sign())[1], StringComparison.Ordinal);
    }

    [Fact]
    public void It_has_a_trained_prior_that_imagines_without_an_update()
    {
        using var scope = NewDisposeScope();
        var path = ToyInverter.Write(ToyInverter.Victim(), folder["i.safetensors"], batch: 2);
        using var victim = ToyInverter.Victim();
        using var context = Round(victim, new None(), [ToyInverter.Images(1)[0]]);
        Attack[] attacks =
        [
            new LearnedInversion { Inverter = path }, new GradientMatching { Start = new Learned { Inverter = path } },
            new GaussNewton { First = new() { Start = new Learned { Inverter = path } } },
        ];
        foreach (var attack in attacks)
        {
            Assert.True(attack.HasTrainedPrior);
            var images = attack.Imagine(context, 5, new(1))!;
            Assert.Equal([5, 1, 8, 8], images.shape);
            Assert.True(images.equal(attack.Imagine(context, 5, new(1))!).all().ToBoolean());
            Assert.False(images[0].allclose(images[1]));
        }
        Assert.Null(new LearnedInversion().Imagine(context, 5, new(1)));
        Assert.False(new GradientMatching().HasTrainedPrior || new GaussNewton().HasTrainedPrior);
    }

    private string Trained(InverterTraining training)
    {
        using var trainer = new Trainer(ToyInverter.Open(training));
        trainer.Run(folder["state.safetensors"]);
        trainer.SaveBest(folder["trained.safetensors"]);
        return folder["trained.safetensors"];
    }

    private static AttackContext Round(VictimModel victim, Defense defense, LabeledImage[] batch, LocalTraining? training = null)
    {
        training ??= new FedSgd();
        var labels = new Labels(batch.Select(image => image.Label).ToValueList(), batch.Select(_ => 1.0).ToValueList());
        var update = training.Train(victim, new(cat([.. batch.Select(Tensor)]), labels.Targets(10, ScalarType.Float32, CPU)), new(2));
        return new()
        {
            Model = victim,
            Observation = new()
            {
                Update = defense.Protect(update, new(3)),
                Training = training,
                BatchSize = batch.Length,
                Labels = labels.Classes,
                Channel = defense.Known(),
            },
            Random = new(4),
        };
    }

    private static Tensor Tensor(LabeledImage image) => tensor(image.Pixels).view(1, 1, 8, 8);

    private static Tensor Mean(ImageSet set) =>
        cat([.. Enumerable.Range(0, set.Count).Select(i => Tensor(set[i]))]).mean([0], keepdim: true);
}
