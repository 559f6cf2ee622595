using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>Published defenses against slow computations of their formulas.</summary>
public class PublishedDefenseTests
{
    private static Scene Small() => new(new LeNet(), shape: new(1, 8, 8));

    private static LocalRound Round(Scene scene) => new(scene.Model, new(scene.Images, scene.Targets), scene.Training);

    /// <summary>The derivative of every feature by central differences along every pixel.</summary>
    [Fact]
    public void Soteria_prunes_the_features_of_smallest_sensitivity()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet(), shape: new(1, 6, 6), batch: 1);
        const double Step = 1e-5;
        Tensor Features(Tensor images)
        {
            var trace = new Trace();
            scene.Model.Logits(images, trace: trace);
            return trace.Features!.detach()[0];
        }
        var square = zeros_like(Features(scene.Images));
        for (var pixel = 0L; pixel < scene.Images.numel(); pixel++)
        {
            var moved = zeros_like(scene.Images);
            moved.view(-1)[pixel] = Step;
            square += ((Features(scene.Images + moved) - Features(scene.Images - moved)) / (2 * Step)).square();
        }
        var slow = square.sqrt() / Features(scene.Images).abs();
        Assert.True(slow.allclose(Soteria.Ratios(scene.Model, new(scene.Images, scene.Targets), ModelMode.Eval), rtol: 1e-5));
        var update = scene.Context.Observation.Update;
        var defense = new Soteria { Share = 0.25 };
        var sent = defense.Protect(update, new(1), Round(scene));
        var head = scene.Model.Head!.Value.Weight;
        var zero = Enumerable.Range(0, (int)slow.numel()).Where(f => sent[head].select(1, f).abs().max().ToDouble() == 0).ToArray();
        var expected = slow.argsort().narrow(0, 0, zero.Length).data<long>().ToArray().Select(f => (int)f).Order().ToArray();
        Assert.Equal((int)Math.Ceiling(0.25 * slow.numel()), zero.Length);
        Assert.Equal(expected, zero);
        // What an attacker leaves out of its comparison is those columns and nothing else.
        var mask = defense.Known(scene.Model).Mask(sent)!;
        Assert.Equal(zero.Length * scene.Model.Classes, (int)(mask.numel() - mask.sum().ToInt64()));
        Assert.True((sent.Flat - update.Flat * mask).abs().max().ToDouble() == 0);
    }

    [Fact]
    public void Censor_is_orthogonal_keeps_norms_and_takes_the_best_draw()
    {
        using var scope = NewDisposeScope();
        using var scene = Small();
        var update = scene.Context.Observation.Update;
        double Loss(GradientSet sent) => scene.Training.LossOf(scene.Model, new(scene.Images, scene.Targets),
            [.. scene.Model.Parameters.Zip(sent.Split(), (weight, part) => weight.detach() - part * 1e-2)]).ToDouble();
        GradientSet Sent(int draws) => new Censor { Draws = draws, LearningRate = 1e-2 }.Protect(update, new(3), Round(scene));
        var best = Sent(8);
        foreach (var (own, sent) in update.Split().Zip(best.Split()))
        {
            var norms = own.norm().ToDouble() * sent.norm().ToDouble();
            Assert.InRange(Math.Abs((own * sent).sum().ToDouble()), 0, 1e-12 * norms);
            Assert.Equal(own.norm().ToDouble(), sent.norm().ToDouble(), 1e-12 * own.norm().ToDouble());
        }
        // Draws are the same whatever their number, so that more of them are never worse.
        Assert.True(Loss(best) <= Loss(Sent(4)) && Loss(Sent(4)) <= Loss(Sent(1)));
    }

    [Fact]
    public void Slices_of_GradDefense_have_equal_sensitivity()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet(), shape: new(1, 6, 6), batch: 1);
        var update = scene.Context.Observation.Update;
        var found = GradDefense.Sensitivities(Round(scene));
        // The sum of a tensor's gradient, by differences along every pixel.
        const double Step = 1e-5;
        var squares = new double[found.Length];
        for (var pixel = 0L; pixel < scene.Images.numel(); pixel++)
        {
            var moved = zeros_like(scene.Images);
            moved.view(-1)[pixel] = Step;
            GradientSet At(Tensor images) => scene.Training.Evaluate(scene.Model, new(images, scene.Targets));
            var (up, down) = (At(scene.Images + moved), At(scene.Images - moved));
            for (var i = 0; i < squares.Length; i++)
                squares[i] += Math.Pow((up[i] - down[i]).sum().ToDouble() / (2 * Step), 2);
        }
        for (var i = 0; i < squares.Length; i++)
            Assert.Equal(Math.Sqrt(squares[i]), found[i], 1e-4 * found[i] + 1e-7 * found.Max());
        var bounds = GradDefense.Bounds(update.Layout, found, 10);
        var each = new double[update.Layout.Count];
        foreach (var (entry, own) in update.Layout.Entries.Zip(found))
            Array.Fill(each, own / entry.Count, (int)entry.Offset, (int)entry.Count);
        for (var slice = 0; slice < 10; slice++)
            Assert.Equal(found.Sum() / 10, each[(int)bounds[slice]..(int)bounds[slice + 1]].Sum(), 2 * each.Max());
        var sent = new GradDefense { Deviation = 0.01, Perturbed = 3 }.Protect(update, new(1), Round(scene));
        var touched = Enumerable.Range(0, 10).Count(slice =>
            (sent.Flat - update.Flat).narrow(0, bounds[slice], bounds[slice + 1] - bounds[slice]).abs().max().ToDouble() > 0);
        Assert.Equal(3, touched);
    }

    [Fact]
    public void Outpost_prunes_and_perturbs_by_the_spread_of_the_weights()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var update = scene.Context.Observation.Update;
        var pruned = new Outpost { Pruned = 0.5 }.Protect(update, new(1), Round(scene));
        foreach (var (own, sent) in update.Split().Zip(pruned.Split()))
        {
            var kept = own.abs().reshape(-1).data<double>().ToArray().OrderDescending()
                .Take((int)(own.numel() - own.numel() / 2)).ToArray();
            Assert.Equal(kept, sent.abs().reshape(-1).data<double>().ToArray().OrderDescending().Take(kept.Length));
            Assert.Equal(own.numel() / 2, sent.eq(0).sum().ToInt64());
        }
        var noisy = new Outpost { Noise = 2, Perturbed = 1 }.Protect(update, new(1), Round(scene));
        var largest = update.Layout.Entries.Select((entry, i) => (entry.Count, i)).Max().i;
        var deviation = (noisy[largest] - update[largest]).std().ToDouble();
        Assert.Equal(2 * Math.Min(1, scene.Model.Parameters[largest].detach().var().ToDouble()), deviation, 0.1 * deviation);
        // After many rounds it hardly ever acts.
        var late = new Outpost { Noise = 2, Decay = 1, Round = 999 };
        Assert.InRange(Enumerable.Range(0, 50).Count(seed =>
            !late.Protect(update, new((ulong)seed), Round(scene)).Flat.equal(update.Flat).all().ToBoolean()), 0, 2);
    }

    [Fact]
    public void DpSgd_clips_every_example_and_adds_the_noise_it_states()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny(batch: 3, type: ScalarType.Float64);
        var (batch, plain) = (new Batch(scene.Images, scene.Targets), new FedSgd());
        var norms = Enumerable.Range(0, 3).Select(i => plain.Evaluate(scene.Model, batch.Narrow(i, 1)).Norm()).Order().ToArray();
        var training = new DpSgd { Clip = norms[1] };
        var sum = Enumerable.Range(0, 3).Select(i => plain.Evaluate(scene.Model, batch.Narrow(i, 1)))
            .Select(own => own.Flat * Math.Min(1, norms[1] / own.Norm())).Aggregate((left, right) => left + right) / 3;
        Assert.True(training.Evaluate(scene.Model, batch).Flat.allclose(sum, rtol: 1e-10, atol: 1e-14));
        var noisy = training with { NoiseMultiplier = 1.5 };
        var added = noisy.Train(scene.Model, batch, new(5)).Flat - sum;
        Assert.Equal(1.5 * norms[1] / 3, added.std().ToDouble(), 0.1 * norms[1]);
        Assert.Equal(1.5 * norms[1] / 3, noisy.Way(3).Deviation(scene.Context.Observation.Update, 0), 1e-12);
        // Two clients of one and two images: the noise of each is weighted by its share.
        var both = new Aggregate { Sizes = [1, 2], Local = noisy };
        Assert.Equal(1.5 * norms[1] * Math.Sqrt(2) / 3, both.Way(3).Deviation(scene.Context.Observation.Update, 0), 1e-12);
        var open = new DpSgd().Train(scene.Model, batch, new(1)).Flat;
        Assert.True(open.equal(plain.Train(scene.Model, batch, new(1)).Flat).all().ToBoolean());
        Refusal.Says("set \"clip\" too", () => new DpSgd { NoiseMultiplier = 1 }.Train(scene.Model, batch, new(1)));
    }
}
