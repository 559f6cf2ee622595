using Afterimage.LabelRecovery;
using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>What every attack owes, however it is put together: its tensors back, one seed one result, an honest score.</summary>
[Trait("Category", "slow")]
public class AttackLaws
{
    private const int Steps = 6;

    /// <summary>The published attacks, every kind of attack, and gradient matching with each part in turn.</summary>
    internal static IEnumerable<(string Name, Attack Attack)> All()
    {
        var small = new GradientMatching { Solver = new Lbfgs { Iterations = Steps }, Restarts = 2, Tolerance = 0 };
        foreach (var (name, attack) in Parts.Catalog.Attacks)
            yield return (name, attack);
        foreach (var attack in Made<Attack>())
            yield return (Catalog.Kind(attack.GetType()), attack);
        foreach (var rule in Made<LabelRule>())
            yield return ($"labels {Catalog.Kind(rule.GetType())}", small with { Labels = rule });
        foreach (var start in Made<Start>())
            yield return ($"start {Catalog.Kind(start.GetType())}", small with { Start = start });
        foreach (var space in Made<SearchSpace>())
            yield return ($"space {Catalog.Kind(space.GetType())}", small with { Space = space });
        foreach (var fidelity in Made<Fidelity>())
            yield return ($"fidelity {Catalog.Kind(fidelity.GetType())}", small with { Fidelity = fidelity });
        foreach (var prior in Made<Prior>())
            yield return ($"prior {Catalog.Kind(prior.GetType())}", small with { Priors = [prior with { Weight = 1e-3 }] });
        foreach (var nuisance in Made<Nuisance>())
            yield return ($"nuisance {Catalog.Kind(nuisance.GetType())}", small with { Nuisance = nuisance });
        foreach (var solver in Made<Solver>())
            yield return ($"solver {Catalog.Kind(solver.GetType())}", small with { Solver = solver with { Iterations = Steps } });
    }

    public static TheoryData<string> Names => new(All().Select(pair => pair.Name));

    public static TheoryData<string, string> NamesAndTrainings()
    {
        var data = new TheoryData<string, string>();
        foreach (var (name, _) in All())
            foreach (var training in Parts.Catalog.Parts(typeof(LocalTraining)))
                data.Add(name, Catalog.Kind(training));
        return data;
    }

    [Fact]
    public void The_count_of_live_tensors_sees_one()
    {
        var before = Live.Tensors;
        var lost = ones(3);
        Assert.Equal(before + 1, Live.Tensors);
        lost.Dispose();
        Assert.Equal(before, Live.Tensors);
    }

    [Theory, MemberData(nameof(NamesAndTrainings))]
    public void No_tensor_is_left_alive(string name, string training)
    {
        using var scene = Scene.Tiny(training: Parts.Default<LocalTraining>(training));
        var before = Live.Tensors;
        var during = new Dictionary<int, List<long>>();
        try
        {
            using var found = Run(name, scene, iterate =>
            {
                if (!during.ContainsKey(iterate.Restart))
                    during[iterate.Restart] = [];
                during[iterate.Restart].Add(Live.Tensors);
                using var scope = NewDisposeScope();
                Assert.Equal(scene.Context.ImagesShape, iterate.Images().shape);
            });
            Assert.Equal(before + 1, Live.Tensors);
        }
        catch (AfterimageException)
        {
            // Some attacks refuse some updates; they too must leave nothing behind.
        }
        Assert.Equal(before, Live.Tensors);
        // The second iterate may keep a copy of the best one; after it the count is flat, within every stage of a search.
        var most = All().Single(pair => pair.Name == name).Attack is GradientMatching matching ? 2 * matching.Space.Stages.Count - 1 : 1;
        Assert.All(during.Values.Where(counts => counts.Count > 2), counts => Assert.InRange(counts.Skip(1).Distinct().Count(), 1, most));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_same_seed_gives_the_same_numbers(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        using var first = Run(name, scene);
        using var second = Run(name, scene);
        Assert.True(first.Images.equal(second.Images).all().ToBoolean());
        Assert.Equal((first.Objective, first.RelativeMisfit, first.Labels, first.Restart, first.Evaluations),
            (second.Objective, second.RelativeMisfit, second.Labels, second.Restart, second.Evaluations));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_misfit_that_is_reported_is_that_of_the_images(string name)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        using var found = Run(name, scene);
        Assert.Equal(scene.Context.ImagesShape, found.Images.shape);
        Assert.Equal(ScalarType.Float32, found.Images.dtype);
        Assert.InRange(found.Images.min().ToDouble(), 0, 1);
        Assert.InRange(found.Images.max().ToDouble(), 0, 1);
        Assert.Equal(scene.Labels.Count, found.Labels.Classes.Count);
        Assert.Equal(scene.Labels.Count, found.Labels.Confidence.Count);
        Assert.All(found.Labels.Classes, label => Assert.InRange(label, 0, scene.Model.Classes - 1));
        Assert.All(found.Labels.Confidence, confidence => Assert.InRange(confidence, 0, 1));
        Assert.True(found.RelativeMisfit >= 0 || (double.IsNaN(found.RelativeMisfit) && found.Outcome.Kind == OutcomeKind.Refused));
        Assert.EndsWith(".", found.Outcome.Advice, StringComparison.Ordinal);
        // Images are clipped to what can be shown; where nothing was clipped, anyone can check the score.
        if (found.Images.min().ToDouble() > 0 && found.Images.max().ToDouble() < 1 && found.Labels.Classes == scene.Labels
            && found.Outcome.Kind != OutcomeKind.Refused && !found.Labels.Refine && !name.StartsWith("nuisance", StringComparison.Ordinal))
        {
            var update = scene.Context.Observation.Update;
            var again = scene.Context.Operator.At(new(found.Images, scene.Targets)).Value;
            var misfit = (again.Flat - update.Flat).norm().ToDouble() / update.Norm();
            Assert.Equal(found.RelativeMisfit, misfit, 1e-3 + 0.01 * misfit);
        }
    }

    private static IEnumerable<T> Made<T>() => Parts.Catalog.Parts(typeof(T)).Select(part => (T)Parts.Default(part));

    /// <summary>An attack stopped after a few iterates.</summary>
    private static Reconstruction Run(string name, Scene scene, Action<Iterate>? watch = null)
    {
        using var stop = new CancellationTokenSource();
        var seen = 0;
        return All().Single(pair => pair.Name == name).Attack.Run(scene.Context, iterate =>
        {
            watch?.Invoke(iterate);
            if (++seen == 2 * Steps)
                stop.Cancel();
        }, stop.Token);
    }
}
