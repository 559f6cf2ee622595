using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>Sparsification with memory, quantizers, filters of frameworks, and who is told of them.</summary>
public class UpdateDefenseTests
{
    private static readonly TensorLayout Layout = new([("a", [40, 50]), ("b", [30])]);

    private static GradientSet Update(ulong seed = 1)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return new(Layout, randn(Layout.Count, ScalarType.Float64, generator: generator));
    }

    private static LocalRound Client() => new(null!, default, new FedSgd(), back => Update((ulong)(100 + back)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Memory_adds_what_was_not_sent_before(bool each)
    {
        using var scope = NewDisposeScope();
        var defense = new TopK { Share = 0.25, EachTensor = each, Rounds = 3 };
        var rest = new double[Layout.Count];
        double[] Sent(double[] sum)
        {
            var sent = new double[sum.Length];
            (int From, int Count)[] parts = each ? [(0, 2000), (2000, 30)] : [(0, 2030)];
            foreach (var (from, count) in parts)
                foreach (var i in Enumerable.Range(from, count).OrderByDescending(i => Math.Abs(sum[i]))
                    .Take((int)Math.Ceiling(count * 0.25)))
                    sent[i] = sum[i];
            return sent;
        }
        for (var back = 3; back > 0; back--)
        {
            var sum = rest.Zip(Update((ulong)(100 + back)).Flat.data<double>().ToArray(), (left, own) => left + own).ToArray();
            rest = [.. sum.Zip(Sent(sum), (all, sent) => all - sent)];
        }
        var expected = Sent([.. rest.Zip(Update().Flat.data<double>().ToArray(), (left, own) => left + own)]);
        var found = defense.Protect(Update(), new(1), Client());
        Assert.Equal(expected, found.Flat.data<double>().ToArray(), (left, right) => Math.Abs(left - right) < 1e-12);
        // The channel expects what the memory added to be of the size of what is left out, and is right within a factor.
        var channel = defense.Known();
        Assert.InRange(channel.Misfit(Update(), found), 0.3 * channel.Floor(found), 1.5 * channel.Floor(found));
        Refusal.Says("earlier rounds", () => defense.Protect(Update(), new(1), Client() with { Earlier = null }));
    }

    [Fact]
    public void Random_pruning_with_memory_keeps_the_sum()
    {
        using var scope = NewDisposeScope();
        var defense = new RandomPruning { Share = 0.5, Rounds = 4 };
        var found = defense.Protect(Update(), new(1), Client());
        var channel = defense.Known();
        Assert.InRange(found.Flat.ne(0).to(ScalarType.Float64).mean().ToDouble(), 0.45, 0.55);
        Assert.InRange(channel.Misfit(Update(), found), 0.8 * channel.Floor(found), 1.25 * channel.Floor(found));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Stochastic_rounding_lies_on_the_grid_and_means_the_number(int bits)
    {
        using var scope = NewDisposeScope();
        var (update, defense) = (Update(), new StochasticQuantization { Bits = bits });
        var levels = Math.Pow(2, bits - 1) - 1;
        var mean = zeros_like(update[0]);
        for (var i = 0; i < 200; i++)
            mean += defense.Protect(update, new((ulong)i))[0] / 200;
        var step = update[0].norm().ToDouble() / levels;
        var places = defense.Protect(update, new(1))[0] / step;
        Assert.InRange((places - places.round()).abs().max().ToDouble(), 0, 1e-9);
        Assert.InRange((mean - update[0]).square().mean().sqrt().ToDouble(), 0, step / Math.Sqrt(200));
        var (sent, channel) = (defense.Protect(update, new(1)), defense.Known());
        Assert.InRange(channel.Misfit(update, sent), 0.7 * channel.Floor(sent), 1.3 * channel.Floor(sent));
    }

    [Theory]
    [InlineData(BlockCode.Dynamic8, 256)]
    [InlineData(BlockCode.Float4, 15)]
    [InlineData(BlockCode.NormalFloat4, 16)]
    public void Blockwise_rounding_takes_the_nearest_value_of_the_table(BlockCode code, int values)
    {
        using var scope = NewDisposeScope();
        var table = BlockwiseQuantization.Table(code);
        Assert.Equal(values, table.Length);
        Assert.Equal((1.0, true), (table[^1], table.Contains(0)));
        var update = Update();
        var sent = new BlockwiseQuantization { Code = code }.Protect(update, new(1))[0].reshape(-1).data<double>().ToArray();
        var expected = update[0].reshape(-1).data<double>().ToArray().Chunk(code == BlockCode.Dynamic8 ? 4096 : 64).SelectMany(block =>
        {
            var largest = block.Max(Math.Abs);
            return block.Select(number => table.MinBy(value => Math.Abs(value - number / largest)) * largest);
        });
        Assert.Equal(expected, sent, (left, right) => Math.Abs(left - right) < 1e-12);
    }

    [Fact]
    public void Percentile_privacy_zeroes_below_the_percentile_and_cuts_at_gamma()
    {
        using var scope = NewDisposeScope();
        var values = Update().Flat.data<double>().ToArray();
        var sorted = values.Select(Math.Abs).Order().ToArray();
        var place = 0.3 * (sorted.Length - 1);
        var cutoff = sorted[(int)place] + (place - (int)place) * (sorted[(int)place + 1] - sorted[(int)place]);
        var sent = new PercentilePrivacy { Percentile = 30, Gamma = 0.5, Steps = 2 }
            .Protect(Update(), new(1)).Flat.data<double>().ToArray();
        Assert.Equal(values.Select(value => Math.Abs(value) < cutoff ? 0 : Math.Clamp(value, -1, 1)), sent);
    }

    /// <summary>The released filter sends numbers as they are; the corrected one sends noise.</summary>
    [Fact]
    public void The_released_sparse_vector_filter_lets_numbers_through()
    {
        using var scope = NewDisposeScope();
        var update = Update();
        var released = new SvtPrivacy().Protect(update, new(1));
        var open = released.Flat.eq(update.Flat).to(ScalarType.Float64).mean().ToDouble();
        Assert.InRange(open, 0.2, 0.8);
        var mask = new SvtPrivacy().Known().Mask(released)!;
        Assert.True(((released.Flat - update.Flat) * mask).abs().max().ToDouble() == 0);
        var repaired = new SvtPrivacy { AsReleased = false }.Protect(update, new(1));
        Assert.Equal((long)Math.Ceiling(0.1 * Layout.Count), repaired.Flat.ne(0).sum().ToInt64());
        Assert.InRange(repaired.Flat.abs().max().ToDouble(), 0, 1e-5 + 1e-18);
    }

    [Fact]
    public void Excluded_variables_do_not_arrive_and_unknown_ones_are_named()
    {
        using var scope = NewDisposeScope();
        var defense = new ExcludeVars { Pattern = "^b$" };
        var sent = defense.Protect(Update(), new(1));
        Assert.Equal((0L, 2000L), (sent[1].ne(0).sum().ToInt64(), sent[0].ne(0).sum().ToInt64()));
        Assert.Equal((false, true), (defense.Known().Lacks(sent, 0), defense.Known().Lacks(sent, 1)));
        Refusal.Says("has not", () => new ExcludeVars { Names = ["c"] }.Protect(Update(), new(1)));
        Refusal.Says("no regular expression", () => new ExcludeVars { Pattern = "(" }.Protect(Update(), new(1)));
    }

    [Fact]
    public void Flowers_clipping_and_noise_follow_their_formulas()
    {
        using var scope = NewDisposeScope();
        var mod = new LocalDp { ClippingNorm = 2, Sensitivity = 3, Epsilon = 4, Delta = 1e-3 };
        var deviation = 3 * Math.Sqrt(2 * Math.Log(1250)) / 4;
        var sent = mod.Protect(Update(), new(1));
        Assert.Equal(deviation, (sent.Flat - Update().Flat * (2 / Update().Norm())).std().ToDouble(), 0.05 * deviation);
        var adaptive = new RoundClipping { ClippingNorm = 0.1, SharesBelow = [0, 0.25] };
        Assert.Equal(0.1 * Math.Exp(0.2 * 0.5) * Math.Exp(0.2 * 0.25), adaptive.Protect(Update(), new(1)).Norm(), 1e-12);
        // Where the server clips, it has seen the update as it is.
        Assert.Same(Channel.None, (adaptive with { Side = ClippingSide.Server }).Known());
    }

    [Fact]
    public void Laplacian_noise_has_its_deviation_and_its_tails()
    {
        using var scope = NewDisposeScope();
        var nothing = new GradientSet(new([("a", [40_000])]), zeros(40_000, ScalarType.Float64));
        var noise = new LaplacianNoise { Absolute = 0.5 }.Protect(nothing, new(1)).Flat;
        Assert.Equal(0.5, noise.std().ToDouble(), 0.02);
        // The mean magnitude of a Laplacian is its deviation over the root of 2; of a Gaussian it would be 0.80 of it.
        Assert.Equal(0.5 / Math.Sqrt(2), noise.abs().mean().ToDouble(), 0.01);
    }

    /// <summary>True images leave no sign unexplained, and others are told from them: the floor is honest.</summary>
    [Fact]
    public void Signs_are_judged_as_signs()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float64);
        var update = scene.Context.Observation.Update;
        var (sent, channel) = (new Sign().Protect(update, new(1)), new Sign().Known());
        Assert.Equal(0, channel.Floor(sent));
        Assert.Equal(0, channel.Misfit(channel.At(update)!.Value, sent));
        var other = scene.Training.Evaluate(scene.Model, new(1 - scene.Images, scene.Targets));
        var slow = other.Flat.data<double>().ToArray().Zip(sent.Flat.data<double>().ToArray())
            .Count(pair => Math.Sign(pair.First) != pair.Second);
        Assert.Equal((double)slow / update.Layout.Count, channel.Misfit(channel.At(other)!.Value, sent), 1e-12);
        Assert.True(slow > 0.02 * update.Layout.Count);
    }

    [Fact]
    public void A_blind_attack_is_never_judged()
    {
        using var scope = NewDisposeScope();
        var client = new SimulatedClient { Data = new DeadLeaves { Shape = new(1, 8, 8), Count = 20 }, Defense = new TopK { Share = 0.3 } };
        using var round = client.Open(new Mlp { Depth = 2, Width = 24, Activation = ActivationKind.Sigmoid }, 0, new(7), CPU);
        var (blind, knowing) = (new ThreatModel { RevealDefense = false }.Reveal(round), new ThreatModel().Reveal(round));
        Assert.Equal((true, false), (blind.IsDefenseHidden, knowing.IsDefenseHidden));
        Assert.Same(Channel.None, blind.Channel);
        using var context = new AttackContext { Model = round.Model, Observation = blind, Random = new(1) };
        using var found = (Known.Matching with { Restarts = 1 }).WithIterations(2)!.Run(context);
        Assert.Equal(OutcomeKind.BudgetSpent, found.Outcome.Kind);
        Assert.Contains("cannot be judged", found.Outcome.Advice, StringComparison.Ordinal);
        // Without a defense nothing is hidden.
        using var open = (client with { Defense = new None() }).Open(new Mlp(), 0, new(7), CPU);
        Assert.False(new ThreatModel { RevealDefense = false }.Reveal(open).IsDefenseHidden);
    }

    [Fact]
    public void InstaHide_trains_on_blended_pixels_with_random_signs_and_is_judged_by_the_private_image()
    {
        using var scope = NewDisposeScope();
        var client = new SimulatedClient
        {
            Data = new DeadLeaves { Shape = new(1, 16, 16), Count = 20 }, Mixing = new() { InstaHide = 3 }, BatchSize = 2,
        };
        using var round = client.Open(new Mlp { Depth = 2, Width = 24 }, 0, new(7), CPU);
        using var open = (client with { Mixing = new() }).Open(new Mlp { Depth = 2, Width = 24 }, 0, new(7), CPU);
        var (truth, plain) = (round.Truth!, open.Truth!);
        Assert.Equal(plain.Images.Select(image => image.Pixels.ToArray()), truth.Images.Select(image => image.Pixels.ToArray()));
        Assert.All(truth.Soft!.Value.Chunk(10), label => Assert.Equal(1, label.Sum(), 1e-9));
        // A blend without signs is smooth; with them neighbors differ as often above gray as below.
        var signs = truth.Trained[0].Pixels.ToArray().Where(pixel => pixel != 0.5f).Average(pixel => pixel > 0.5f ? 1.0 : 0);
        Assert.InRange(signs, 0.35, 0.65);
        Refusal.Says("at least 2", () => (client with { Mixing = new() { InstaHide = 1 } }).Open(new Mlp(), 0, new(7), CPU));
    }

    [Fact]
    public void A_head_without_bias_sends_no_gradient_of_one()
    {
        using var model = new LeNet { HeadBias = false }.Open(new(1, 8, 8), 10, new(1), ScalarType.Float32, CPU);
        Assert.Null(model.Head!.Value.Bias);
        using var whole = new LeNet().Open(new(1, 8, 8), 10, new(1), ScalarType.Float32, CPU);
        Assert.Equal(whole.Layout.Count - 10, model.Layout.Count);
        using var deep = new ResNet { HeadBias = false }.Open(new(3, 8, 8), 10, new(1), ScalarType.Float32, CPU);
        Assert.Null(deep.Head!.Value.Bias);
    }

    [Fact]
    public void Fidelities_weigh_tensors_by_the_inverse_variance_of_their_noise()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var update = scene.Context.Observation.Update;
        var channel = new GaussianNoise { Relative = 0.1 }.Known();
        var other = new GradientSet(update.Layout, update.Flat * 1.1);
        var variances = update.Layout.Entries.Select((_, i) => 0.01 * update[i].square().mean().ToDouble()).ToArray();
        var mean = variances.Zip(update.Layout.Entries, (own, entry) => own * entry.Count).Sum() / update.Layout.Count;
        var weights = variances.Select(own => 1 / (own + 0.01 * mean)).ToArray();
        var size = weights.Zip(update.Layout.Entries, (own, entry) => own * entry.Count).Sum() / update.Layout.Count;
        var slow = weights.Select((own, i) => own / size * (0.1 * update[i]).square().sum().ToDouble()).Sum();
        Assert.Equal(slow, new Euclidean().Against(update, channel).Evaluate(other).Value, 1e-9 * slow);
        // The same noise on every number weighs nothing.
        var even = new GaussianNoise { Absolute = 0.1 }.Known();
        Assert.Equal(new Euclidean().Against(update).Evaluate(other).Value, new Euclidean().Against(update, even).Evaluate(other).Value);
    }
}
