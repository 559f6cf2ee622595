using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Starts;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class GradientMatchingTests
{
    private static readonly GradientMatching Short = new() { Solver = new Lbfgs { Iterations = 8 }, Restarts = 4, Tolerance = 0 };

    [Theory]
    [InlineData("mlp", 1)]
    [InlineData("mlp", 2)]
    [InlineData("lenet", 1)]
    public void A_small_natural_image_comes_back(string model, int batch)
    {
        using var scope = NewDisposeScope();
        var images = new DeadLeaves { Shape = new(3, 12, 12), Classes = 5, Count = 20 }.Open();
        var chosen = new List<LabeledImage>();
        for (var i = 0; chosen.Count < batch; i++)
            if (chosen.All(image => image.Label != images[i].Label))
                chosen.Add(images[i]);
        chosen.Sort((left, right) => left.Label.CompareTo(right.Label));
        ModelSource source = model == "mlp" ? new Mlp { Depth = 3, Width = 64, Activation = ActivationKind.Sigmoid } : new LeNet();
        using var victim = source.Open(new(3, 12, 12), 5, new RandomSource(3), ScalarType.Float32, CPU);
        var truth = tensor([.. chosen.SelectMany(image => image.Pixels)], [batch, 3, 12, 12]);
        var labels = chosen.Select(image => image.Label).ToValueList();
        var update = new FedSgd().Linearize(victim, new(truth, new Labels(labels, []).Targets(5, ScalarType.Float32, CPU))).Value;
        using var found = Known.Matching.Run(new()
        {
            Model = victim,
            Observation = new() { Update = update, Training = new FedSgd(), BatchSize = batch },
            Random = new RandomSource(1),
        });
        Assert.Equal(labels, found.Labels.Classes);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.True(found.RelativeMisfit < 1e-3);
        // The order within a batch is the attack's; labels are sorted on both sides.
        var psnr = -10 * Math.Log10((found.Images - truth).square().mean().ToDouble());
        Assert.True(psnr > 40, $"{psnr:F1} dB after {found.Evaluations} evaluations");
    }

    [Fact]
    public void The_best_restart_by_its_own_objective_is_kept()
    {
        using var scene = Scene.Tiny();
        var sightings = new List<Iterate>();
        using var found = Short.Run(scene.Context, sightings.Add);
        Assert.Equal(4, sightings.Select(iterate => iterate.Restart).Distinct().Count());
        var best = sightings.MinBy(iterate => iterate.Objective);
        Assert.Equal((best.Objective, best.Restart, 4), (found.Objective, found.Restart, found.Restarts));
        Assert.Equal(sightings.Count, found.Iterations);
        Assert.True(found.Evaluations >= sightings[^1].Evaluations && found.Evaluations >= found.Iterations);
        Assert.All(sightings.GroupBy(iterate => iterate.Restart), restart =>
            Assert.Equal(restart.Select(iterate => iterate.Evaluations).Order(), restart.Select(iterate => iterate.Evaluations)));
        Assert.Equal(found.Evaluations, sightings.GroupBy(iterate => iterate.Restart).Sum(restart => restart.Max(iterate => iterate.Evaluations)));
        Assert.Equal(4, sightings.GroupBy(iterate => iterate.Restart).Select(group => group.First().Objective).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void Restarts_at_once_give_the_numbers_of_restarts_one_by_one(double tolerance)
    {
        using var scene = Scene.Tiny();
        using var many = new AttackContext
        {
            Model = scene.Model, Observation = scene.Context.Observation, Random = scene.Context.Random, Workers = 3,
        };
        var attack = Short with { Tolerance = tolerance };
        using var one = attack.Run(scene.Context);
        using var three = attack.Run(many);
        Assert.True(one.Images.equal(three.Images).all().ToBoolean());
        Assert.Equal((one.Objective, one.RelativeMisfit, one.Restart, one.Restarts, one.Evaluations, one.Iterations),
            (three.Objective, three.RelativeMisfit, three.Restart, three.Restarts, three.Evaluations, three.Iterations));
    }

    [Fact]
    public void A_restart_does_not_depend_on_those_before_it()
    {
        using var scene = Scene.Tiny();
        var (one, four) = (new List<double>(), new List<double>());
        (Short with { Restarts = 1 }).Run(scene.Context, iterate => one.Add(iterate.Objective)).Dispose();
        Short.Run(scene.Context, iterate => four.Add(iterate.Objective)).Dispose();
        Assert.Equal(one, four.Take(one.Count));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1e9, 1)]
    public void A_restart_that_explains_the_update_is_the_last(double tolerance, int restarts)
    {
        using var scene = Scene.Tiny();
        var seen = new HashSet<int>();
        using var found = (Short with { Tolerance = tolerance }).Run(scene.Context, iterate => seen.Add(iterate.Restart));
        Assert.Equal(restarts, seen.Count);
        Assert.Equal(restarts, found.Restarts);
    }

    [Fact]
    public void Cancellation_keeps_the_best_so_far()
    {
        using var scene = Scene.Tiny();
        using var stop = new CancellationTokenSource();
        var objectives = new List<double>();
        var attack = Short with { Solver = new FirstOrder { LearningRate = 2, Iterations = 1000 } };
        using var found = attack.Run(scene.Context, iterate =>
        {
            objectives.Add(iterate.Objective);
            if (objectives.Count == 20)
                stop.Cancel();
        }, stop.Token);
        Assert.Equal(20, objectives.Count);
        Assert.Equal(objectives.Min(), found.Objective);
        Assert.NotEqual(objectives[^1], found.Objective);
        Assert.Equal(OutcomeKind.Canceled, found.Outcome.Kind);
        Assert.True(double.IsFinite(found.RelativeMisfit));
        Assert.Equal(1, found.Restarts);
    }

    [Fact]
    public void Cancellation_before_the_first_iterate_is_an_outcome_too()
    {
        using var scene = Scene.Tiny();
        using var found = Short.Run(scene.Context, null, new CancellationToken(canceled: true));
        Assert.Equal(OutcomeKind.Canceled, found.Outcome.Kind);
        Assert.Contains("before its first iterate", found.Outcome.Advice, StringComparison.Ordinal);
        Assert.Equal(scene.Context.ImagesShape, found.Images.shape);
        Assert.Equal(0, found.Evaluations);
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Float64)]
    public void An_objective_that_is_never_finite_is_a_divergence_with_advice(Precision precision)
    {
        using var scene = Scene.Tiny();
        scene.Context.Observation.Update.Flat.fill_(float.PositiveInfinity);
        using var found = (Short with { Precision = precision, Labels = new Given() }).Run(scene.Context);
        Assert.Equal(OutcomeKind.Diverged, found.Outcome.Kind);
        Assert.Contains("learning rate", found.Outcome.Advice, StringComparison.Ordinal);
        Assert.True(double.IsNaN(found.Objective));
        Assert.Equal(4, found.Restarts);
    }

    [Fact]
    public void A_search_that_ends_early_does_not_pass_for_protection()
    {
        using var scene = Scene.Tiny();
        using var found = (Short with { Solver = new Lbfgs { Iterations = 1 } }).Run(scene.Context);
        Assert.Equal(OutcomeKind.BudgetSpent, found.Outcome.Kind);
        Assert.Contains("no sign of protection", found.Outcome.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Joint_labels_are_recovered_with_the_image()
    {
        using var scene = Scene.Smooth(ScalarType.Float32, batch: 1);
        using var found = (Known.DeepLeakage with { Precision = Precision.Float64, Restarts = 6, Tolerance = 1e-3, Start = new Uniform(),
            Solver = new Lbfgs { Iterations = 400, Target = 1e-12 } }).Run(scene.Context);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Equal(scene.Labels, found.Labels.Classes);
        Assert.True(found.Labels.Confidence[0] > 0.99);
        Assert.False(found.Labels.Refine);
    }

    [Fact]
    public void Both_precisions_agree_at_the_start()
    {
        using var scene = Scene.Smooth(ScalarType.Float32);
        double First(Precision precision)
        {
            var first = double.NaN;
            (Short with { Precision = precision, Restarts = 1 })
                .Run(scene.Context, iterate => first = double.IsNaN(first) ? iterate.Objective : first).Dispose();
            return first;
        }
        Assert.Equal(First(Precision.Float64), First(Precision.Float32), 1e-4 * First(Precision.Float64));
    }

    [Fact]
    public void An_attack_without_a_start_is_refused()
    {
        using var scene = Scene.Tiny();
        Refusal.Says("restarts is 0", () => (Short with { Restarts = 0 }).Run(scene.Context));
    }

    [Fact]
    public void Relative_priors_are_multiplied_by_what_gray_leaves_unexplained()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        double First(double weight, bool relative)
        {
            var first = double.NaN;
            (Short with { Restarts = 1, Labels = new Given(), RelativePriors = relative, Priors = [new TotalVariation { Weight = weight }] })
                .Run(scene.Context, iterate => first = double.IsNaN(first) ? iterate.Objective : first).Dispose();
            return first;
        }
        var predicted = scene.Context.Operator.At(new(full_like(scene.Images, 0.5), scene.Targets)).Value;
        var gray = Short.Fidelity.Against(scene.Context.Observation.Update).Evaluate(predicted).Value;
        Assert.Equal(First(3 * gray, false), First(3, true), 1e-5 * First(3, true));
        Assert.NotEqual(First(3, false), First(3, true), 1e-5);
    }

    [Fact]
    public void A_dead_update_is_no_division_by_zero()
    {
        using var scene = Scene.Tiny();
        scene.Context.Observation.Update.Flat.zero_();
        foreach (var kind in Parts.Catalog.Parts(typeof(Fidelity)).Select(Catalog.Kind))
        {
            using var found = (Short with { Fidelity = Parts.Default<Fidelity>(kind), Labels = new Given(), Restarts = 1 })
                .Run(scene.Context);
            Assert.NotEqual(OutcomeKind.Converged, found.Outcome.Kind);
        }
    }
}
