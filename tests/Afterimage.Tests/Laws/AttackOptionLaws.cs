using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Solvers;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>Common options, noise, time and cancellation: every attack of the catalog obeys, or refuses in one sentence.</summary>
[Trait("Category", "slow")]
public class AttackOptionLaws
{
    private static readonly Dictionary<string, Attack> All = AttackLaws.All().Where(pair => Parts.Catalog.Attacks.ContainsKey(pair.Name)
        || Parts.Catalog.Parts(typeof(Attack)).Any(part => Catalog.Kind(part) == pair.Name)).DistinctBy(pair => pair.Name).ToDictionary();

    public static TheoryData<string> Names => new(All.Keys);

    [Theory, MemberData(nameof(Names))]
    public void Starts_and_iterations_are_no_more_than_was_asked_for(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        var attack = All[name].WithIterations(3) ?? All[name];
        attack = attack.WithRestarts(2) ?? attack;
        Assert.Null(attack.Fault);
        var most = new Dictionary<int, int>();
        using var found = attack.Run(scene.Context, iterate => most[iterate.Restart] = iterate.Iteration);
        // The policy counts the starts of all methods that it tries; stages of a search have iterations of their own.
        Assert.InRange(most.Count, 0, attack is Best ? 8 : 2);
        Assert.All(most.Values, iteration => Assert.InRange(iteration, 0, 4 * 4 * 2));
    }

    [Theory, MemberData(nameof(Names))]
    public void Given_labels_are_used_or_there_is_no_such_option(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        if (All[name].WithLabels(new Given()) is not { } given)
        {
            Assert.Null(All[name].Rule);
            return;
        }
        Assert.Equal(new Given(), given.Rule);
        using var found = (given.WithIterations(2) ?? given).Run(scene.Context);
        if (found.Outcome.Kind != OutcomeKind.Refused)
            Assert.Equal(scene.Labels, found.Labels.Classes);
    }

    [Theory, MemberData(nameof(Names))]
    public void Without_time_it_ends_at_once_and_says_so(string name)
    {
        using var scene = Scene.Tiny(batch: 2);
        var before = Live.Tensors;
        using (var brief = scene.Context.Within(0))
        using (var found = All[name].Run(brief))
        {
            Assert.Contains(found.Outcome.Kind, (OutcomeKind[])[OutcomeKind.BudgetSpent, OutcomeKind.Refused, OutcomeKind.Converged]);
            if (found.Outcome.Kind == OutcomeKind.BudgetSpent)
                Assert.Contains("time", found.Outcome.Advice, StringComparison.Ordinal);
            Assert.InRange(found.Seconds, 0, 5);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory, MemberData(nameof(Names))]
    public void Stopped_at_a_random_moment_it_keeps_what_it_found_and_leaves_no_tensor(string name)
    {
        using var scene = Scene.Tiny(batch: 2);
        var before = Live.Tensors;
        var moment = new RandomSource(11).Derive(name).Managed().Next(1, 12);
        using (var stop = new CancellationTokenSource())
        {
            var seen = 0;
            using var found = All[name].Run(scene.Context, _ =>
            {
                if (++seen == moment)
                    stop.Cancel();
            }, stop.Token);
            Assert.InRange(seen, 0, moment + 8);
            if (seen >= moment)
                Assert.Contains(found.Outcome.Kind, (OutcomeKind[])[OutcomeKind.Canceled, OutcomeKind.Converged, OutcomeKind.Diverged]);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Theory, MemberData(nameof(Names))]
    public void Under_every_defense_it_reads_or_refuses(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        var attack = All[name].WithIterations(2) ?? All[name];
        attack = attack.WithRestarts(2) ?? attack;
        Defense[] defenses =
        [
            new GaussianNoise { Relative = 0.01 }, new TopK { Share = 0.5 }, new ReducedPrecision(), new NormBound { Bound = 1e-3 },
            new Sign(), new SvtPrivacy(), new PercentilePrivacy(), new LocalDp { ClippingNorm = 1e-3, Sensitivity = 1e-5 },
            new ExcludeVars { Pattern = "weight" },
        ];
        foreach (var defense in defenses)
        {
            using var context = Protected(scene, defense);
            using var found = attack.Run(context);
            Assert.True(found.Outcome.Kind == OutcomeKind.Refused || double.IsFinite(found.RelativeMisfit), $"{defense}: {found.Outcome}");
            Assert.EndsWith(".", found.Outcome.Advice, StringComparison.Ordinal);
        }
    }

    /// <summary>True images leave the floor of the noise: whoever finds such images has converged.</summary>
    [Fact]
    public void At_the_floor_of_the_noise_the_attack_has_converged()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        using var context = Protected(scene, new GaussianNoise { Relative = 0.05 });
        using var found = new Oracle(scene.Images, new(scene.Labels, [1])).Run(context);
        Assert.InRange(found.RelativeMisfit, 0.04, 0.06);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
    }

    [Fact]
    public void Matching_and_Gauss_Newton_agree_on_a_noisy_client()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        using var context = Protected(scene, new GaussianNoise { Relative = 0.05 });
        var brief = Known.Matching with { Labels = new Given(), Restarts = 1, Solver = new Lbfgs { Iterations = 200 } };
        using var matching = brief.Run(context);
        using var newton = new GaussNewton { Labels = new Given(), Restarts = 1 }.Run(context);
        Assert.Equal((OutcomeKind.Converged, OutcomeKind.Converged), (matching.Outcome.Kind, newton.Outcome.Kind));
    }

    private static AttackContext Protected(Scene scene, Defense defense) => new()
    {
        Model = scene.Model,
        Observation = new()
        {
            Update = defense.Protect(scene.Context.Observation.Update, new(3)),
            Training = scene.Training,
            BatchSize = scene.Labels.Count,
            Labels = scene.Labels,
            Channel = defense.Known(),
        },
        Random = new(4),
    };

    /// <summary>Says the truth: what comes out is the judgment alone.</summary>
    private sealed record Oracle(Tensor Truth, Labels Known) : Attack
    {
        protected override SearchResult Search(AttackRun run) => new() { Images = Truth, Labels = Known };
    }
}
