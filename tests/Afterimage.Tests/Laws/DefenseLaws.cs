using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>What every defense and its channel owe.</summary>
public class DefenseLaws
{
    /// <summary>Every defense of the catalog at strength zero, and at some strength.</summary>
    private static readonly Dictionary<string, (Defense Zero, Defense Strong)> All = new()
    {
        ["none"] = (new None(), new None()),
        ["gaussian-noise"] = (new GaussianNoise(), new GaussianNoise { Relative = 0.03, Absolute = 1e-4 }),
        ["top-k"] = (new TopK { Share = 1 }, new TopK { Share = 0.2 }),
        ["reduced-precision"] = (new ReducedPrecision { Format = NumberFormat.Float32 },
            new ReducedPrecision { Format = NumberFormat.BFloat16 }),
        ["norm-bound"] = (new NormBound(), new NormBound { Bound = 1e-3 }),
        // A sign has no strength.
        ["sign"] = (new None(), new Sign()),
        ["defense-chain"] = (new DefenseChain { Steps = [new NormBound(), new TopK { Share = 1 }, new GaussianNoise()] },
            new DefenseChain { Steps = [new NormBound { Bound = 1e-2 }, new TopK { Share = 0.3 }, new ReducedPrecision()] }),
        ["laplacian-noise"] = (new LaplacianNoise(), new LaplacianNoise { Relative = 0.03, Absolute = 1e-4 }),
        ["random-pruning"] = (new RandomPruning { Share = 1, Rounds = 2 }, new RandomPruning { Share = 0.3 }),
        ["stochastic-quantization"] = (new StochasticQuantization(), new StochasticQuantization { Bits = 4 }),
        ["blockwise-quantization"] = (new BlockwiseQuantization(), new BlockwiseQuantization { Code = BlockCode.NormalFloat4 }),
        ["soteria"] = (new Soteria(), new Soteria { Share = 0.2 }),
        ["grad-defense"] = (new GradDefense(), new GradDefense { Deviation = 1e-3 }),
        ["outpost"] = (new Outpost(), new Outpost { Noise = 1e-3, Perturbed = 1, Pruned = 0 }),
        ["censor"] = (new Censor(), new Censor { Draws = 2 }),
        ["percentile-privacy"] = (new PercentilePrivacy { Gamma = null }, new PercentilePrivacy { Percentile = 30 }),
        ["svt-privacy"] = (new SvtPrivacy { Epsilon = null }, new SvtPrivacy()),
        ["exclude-vars"] = (new ExcludeVars(), new ExcludeVars { Names = ["fc.0.weight"], Pattern = "^body.0" }),
        ["local-dp"] = (new LocalDp { ClippingNorm = null }, new LocalDp { ClippingNorm = 1e-2, Sensitivity = 1e-5 }),
        ["round-clipping"] = (new RoundClipping(), new RoundClipping { ClippingNorm = 1e-2, SharesBelow = [1, 1] }),
    };

    private static LocalRound Round(Scene scene) => new(scene.Model, new(scene.Images, scene.Targets), scene.Training,
        back => scene.Context.Observation.Update.Scale(1 + 0.1 * back));

    public static TheoryData<string> Names => Parts.Of<Defense>();

    [Theory, MemberData(nameof(Names))]
    public void At_strength_zero_it_is_the_identity_bit_for_bit(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float32);
        var update = scene.Context.Observation.Update;
        Assert.True(All[name].Zero.Protect(update, new(1), Round(scene)).Flat.equal(update.Flat).all().ToBoolean());
        Assert.Same(Channel.None, All[name].Zero.Known());
    }

    [Theory, MemberData(nameof(Names))]
    public void It_draws_from_its_stream_alone_and_leaves_the_update_as_it_was(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float32);
        var update = scene.Context.Observation.Update;
        var before = update.Flat.clone();
        var (first, second) = (All[name].Strong.Protect(update, new(1), Round(scene)),
            All[name].Strong.Protect(update, new(1), Round(scene)));
        Assert.True(first.Flat.equal(second.Flat).all().ToBoolean());
        Assert.True(update.Flat.equal(before).all().ToBoolean());
        Assert.Equal(update.Flat.dtype, first.Flat.dtype);
    }

    /// <summary>The floor is what true images leave unexplained, behind the channel's map and over the numbers that arrived.</summary>
    [Theory, MemberData(nameof(Names))]
    public void True_images_leave_the_floor(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float64);
        var (update, channel) = (scene.Context.Observation.Update, All[name].Strong.Known(scene.Model));
        var sent = All[name].Strong.Protect(update, new(1), Round(scene));
        var misfit = channel.Misfit(channel.At(update)?.Value ?? update, channel.Read(sent));
        Assert.InRange(misfit, 0.7 * channel.Floor(sent), 1.3 * channel.Floor(sent) + 1e-12);
    }

    [Theory, InlineData("norm-bound"), InlineData("defense-chain"), InlineData("censor"), InlineData("percentile-privacy")]
    public void Products_with_the_map_are_its_derivative_and_its_transpose(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var (update, channel) = (scene.Context.Observation.Update, All[name].Strong.Known());
        var map = channel.At(update)!;
        var (u, v) = (Direction(scene, "u"), Direction(scene, "v"));
        const double h = 1e-6;
        Tensor Value(double step) => channel.At(new(update.Layout, update.Flat + u.Flat * step))!.Value.Flat;
        var difference = (Value(h) - Value(-h)) / (2 * h);
        Assert.InRange(((difference - map.Push(u).Flat).norm() / difference.norm()).ToDouble(), 0, 1e-6);
        var (left, right) = (map.Push(u).Flat.dot(v.Flat).ToDouble(), u.Flat.dot(map.Pull(v).Flat).ToDouble());
        Assert.Equal(left, right, 1e-10 * Math.Abs(left));
    }

    [Fact]
    public void The_operator_of_a_round_ends_with_the_channels_map()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var channel = new NormBound { Bound = 1e-3 }.Known();
        using var context = Round(scene, scene.Context.Observation.Update, channel);
        var plain = scene.Context.Operator.At(new(scene.Images, scene.Targets));
        var bounded = context.Operator.At(new(scene.Images, scene.Targets));
        Assert.Equal(1e-3, bounded.Value.Norm(), 1e-9);
        Assert.True(bounded.Value.Flat.allclose(channel.At(plain.Value)!.Value.Flat));
        var (u, v) = (scene.Normal("image", scene.Images.shape), Direction(scene, "v"));
        var (left, right) = (bounded.Pushforward(u).Flat.dot(v.Flat).ToDouble(), (bounded.Pullback(v).Inputs * u).sum().ToDouble());
        Assert.Equal(left, right, 1e-9 * Math.Abs(left) + 1e-15);
    }

    [Fact]
    public void Fidelities_compare_what_was_sent_alone()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var (update, defense) = (scene.Context.Observation.Update, new TopK { Share = 0.1 });
        var sent = defense.Protect(update, new(1));
        foreach (var kind in Parts.Catalog.Parts(typeof(Fidelity)).Select(Catalog.Kind))
        {
            var fidelity = Parts.Default<Fidelity>(kind);
            Assert.Equal(0, fidelity.Against(sent, defense.Known()).Evaluate(update).Value, 1e-9);
            Assert.True(fidelity.Against(sent).Evaluate(update).Value > 1e-6, kind);
        }
    }

    /// <summary>Who knows that a tenth was sent reads the image; who takes the zeros for numbers does not.</summary>
    [Fact]
    public void An_attacker_who_knows_the_mask_reads_through_it()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet(), batch: 1, type: ScalarType.Float32, shape: new(1, 12, 12));
        var defense = new TopK { Share = 0.3 };
        var sent = defense.Protect(scene.Context.Observation.Update, new(1)).Detach();
        var attack = Known.Matching with { Restarts = 1 };
        double Error(Channel channel)
        {
            using var context = Round(scene, sent, channel);
            using var found = attack.Run(context);
            return (found.Images - scene.Images).square().mean().ToDouble();
        }
        var (knowing, blind) = (Error(defense.Known()), Error(Channel.None));
        Assert.True(knowing < 0.1 * blind, $"{knowing} with the mask, {blind} without");
        sent.Dispose();
    }

    [Fact]
    public void Closed_forms_refuse_what_they_cannot_read_by_one_sentence()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        Attack[] recursions = [new RecursiveInversion(), new RectifiedRecursion()];
        (Defense, string, Attack[])[] cases =
        [
            (new TopK(), "every number of the update", [new ReluBatchInversion(), .. recursions]),
            (new NormBound { Bound = 1e-3 }, "its own scale", recursions),
            (new Sign(), "its own scale", [new LinearLayerInversion(), new ReluBatchInversion(), .. recursions]),
        ];
        foreach (var (defense, words, attacks) in cases)
        {
            using var context = Round(scene, defense.Protect(scene.Context.Observation.Update, new(1)).Detach(), defense.Known());
            foreach (var attack in attacks)
                Refusal.Says(words, () => attack.Run(context));
            context.Observation.Update.Dispose();
        }
    }

    /// <summary>Ratios of a row mean the image whatever was scaled or left out.</summary>
    [Fact]
    public void The_bias_attack_reads_through_a_bound_and_through_missing_numbers()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny(type: ScalarType.Float64);
        Defense[] defenses =
        [
            new NormBound { Bound = 1e-3 }, new RandomPruning { Share = 0.5 },
            new DefenseChain { Steps = [new NormBound { Bound = 1e-2 }, new TopK { Share = 0.7 }] },
        ];
        foreach (var defense in defenses)
        {
            using var context = Round(scene, defense.Protect(scene.Context.Observation.Update, new(1)).Detach(), defense.Known());
            using var found = new LinearLayerInversion().Run(context);
            // A dark pixel's numbers are small, and where none of them arrived it stays gray.
            Assert.InRange((found.Images - scene.Images).abs().gt(1e-4).to(ScalarType.Float64).mean().ToDouble(), 0, 0.1);
            context.Observation.Update.Dispose();
        }
    }

    [Theory]
    [InlineData("/absolute is Infinity")]
    [InlineData("/share is 0")]
    [InlineData("/bound is -1")]
    [InlineData("beyond the range of float16")]
    public void Settings_that_mean_nothing_are_refused(string words)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        var update = scene.Context.Observation.Update;
        Refusal.Says(words, () => (words[1] switch
        {
            'a' => (Defense)new GaussianNoise { Absolute = double.PositiveInfinity },
            's' => new TopK { Share = 0 },
            'b' => new NormBound { Bound = -1 },
            _ => new ReducedPrecision(),
        }).Protect(words[0] != '/' ? update.Scale(1e9) : update, new(1)));
    }

    private static GradientSet Direction(Scene scene, string name)
    {
        var layout = scene.Context.Observation.Update.Layout;
        return new(layout, scene.Normal(name, layout.Count));
    }

    private static AttackContext Round(Scene scene, GradientSet sent, Channel channel) => new()
    {
        Model = scene.Model,
        Observation = new()
        {
            Update = sent,
            Training = scene.Training,
            BatchSize = scene.Labels.Count,
            Labels = scene.Labels,
            Channel = channel,
        },
        Random = new(1),
    };
}
