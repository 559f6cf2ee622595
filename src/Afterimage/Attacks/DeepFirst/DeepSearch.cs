using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;

namespace Afterimage.Attacks;

/// <summary>One run of <see cref="DeepFirst"/>.</summary>
internal sealed class DeepSearch
{
    private const int FrontSteps = 200;

    private readonly DeepFirst attack;
    private readonly AttackRun run;
    private readonly AttackContext context;
    private readonly SplitNetwork split;
    private readonly Labels labels;
    private readonly Tensor targets;
    private readonly Tensor signal;
    private int steps;
    private int evaluations;
    private double explained = double.PositiveInfinity;

    public DeepSearch(DeepFirst attack, AttackRun run, SplitNetwork split)
    {
        (this.attack, this.run, this.split, context, labels) = (attack, run, split, run.Context, run.Labels);
        targets = labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device);
        // Targets that sum to zero make the operator's derivative at the logits minus themselves, whatever the logits.
        signal = context.Observation is { BatchSize: 1, Training.Loss.HeadObstacle: null } && context.Model.Head is (_, { } bias)
            ? -context.Observation.Update[bias].view(1, -1) : targets;
    }

    public SearchResult Run()
    {
        Tensor? best = null;
        var (value, from, tried) = (double.PositiveInfinity, 0, 0);
        while (tried < attack.Restarts && !(tried > 0 && run.Stop.IsCancellationRequested))
        {
            var restart = tried++;
            var before = (Steps: steps, Evaluations: evaluations);
            void See(double objective, Func<Tensor> images) =>
                run.See(new(restart, steps - before.Steps - 1, objective, evaluations - before.Evaluations, images));
            var images = Descend(restart, See);
            var reached = Value(images);
            if (best is null || reached < value)
                (best, value, from) = (images, reached, restart);
        }
        run.Note(new TailExplained(explained));
        return new()
        {
            Images = best,
            Labels = labels,
            Objective = value,
            Operator = context.Operator.Reason,
            Restart = from,
            Restarts = tried,
            Iterations = steps,
            Evaluations = evaluations,
        };
    }

    /// <summary>What the client did, for a part of its network.</summary>
    private FedSgd Alone => new() { Loss = context.Observation.Training.Loss };

    /// <summary>Images in [0,1] from one start.</summary>
    private Tensor Descend(int restart, Action<double, Func<Tensor>> see)
    {
        using var scope = Tidy.Scope();
        var random = context.Random.Derive("restart", restart);
        var images = attack.Start.Draw(context, random);
        DeepFeatures? wanted = null;
        if (restart % 2 == 0)
        {
            wanted = new DeepFeatures(split, Features(images, random));
            images = Match(images, wanted, random, see);
        }
        Prior[] priors = wanted is null ? [.. attack.Priors] : [.. attack.Priors, wanted with { Weight = attack.FeatureWeight }];
        foreach (var width in attack.Widths)
        {
            var (softGate, model) = SmoothedModel.Of(context, 1 / width, softGate: true);
            using (model)
            using (softGate)
            {
                var objective = new MatchingObjective(softGate, attack.Space.Open(softGate, images, random), attack.Fidelity, priors, labels, random,
                    signal: signal);
                var solver = attack.Solver with { LearningRate = attack.Solver.LearningRate * Math.Min(1, width) };
                var (point, _) = Follow(solver, objective, objective.Start, random,
                    iterate => see(iterate.Value, () => objective.Images(iterate.Point)));
                images = objective.Images(point);
                evaluations += objective.Evaluations;
            }
        }
        return images.MoveToOuterDisposeScope();
    }

    /// <summary>What the attacker thinks of images, features aside.</summary>
    private double Value(Tensor images)
    {
        using var scope = Tidy.Scope();
        var objective = new MatchingObjective(context, attack.Space.Open(context, images, context.Random), attack.Fidelity, attack.Priors,
            labels, context.Random, signal: signal);
        return objective.Evaluate(objective.Start, zeros_like(objective.Start));
    }

    /// <summary>Features that explain the gradient of the tail, [B,C,H,W].</summary>
    private Tensor Features(Tensor images, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var first = split.Features(images);
        var observed = split.Update(context.Observation.Update);
        var misfit = new Euclidean { Layers = LayerWeighting.InverseRms }.Against(observed);
        var unit = Unit(first, misfit);
        using var generator = random.Derive("features").Generator(context.Model.Device);
        var point = (randn([first.numel()], ScalarType.Float32, context.Model.Device, generator: generator) * 0.3 + 1)
            .clamp_min(0).to(context.Model.Type);
        var reached = double.PositiveInfinity;
        foreach (var width in attack.Widths)
        {
            var network = split.Tail.Network;
            using var model = split.Tail.With(network with { Layers = SmoothedModel.Smoothed(network.Layers, softGate: true, 1 / width) });
            using var forward = Alone.Operator(model, (int)images.shape[0], context.OperatorChoice);
            var objective = new TailObjective(forward, misfit, signal, first.shape, unit);
            var solver = new FirstOrder
            {
                LearningRate = attack.FeatureRate * Math.Min(1, width), Schedule = Schedule.Cosine, Iterations = attack.FeatureSteps,
            };
            (point, reached) = Follow(solver, objective, point, random, null);
            evaluations += objective.Evaluations;
        }
        explained = Math.Min(explained, Math.Sqrt(reached / observed.Layout.Entries.Count));
        return (point * unit).view(first.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Images of such features.</summary>
    private Tensor Match(Tensor start, DeepFeatures wanted, RandomSource random, Action<double, Func<Tensor>> see)
    {
        using var scope = Tidy.Scope();
        var search = attack.Space.Open(context, start, random);
        var front = new FrontObjective(context, search, targets,
            [.. attack.Priors.Select(prior => prior with { Weight = prior.Weight * attack.FeaturePriors }), wanted], attack.Ridge);
        Tensor Images(Tensor point) => search.Decode(point).clamp(0, 1);
        var (point, _) = Follow(new Lbfgs { Iterations = FrontSteps, History = 20 }, front, search.Start, random,
            iterate => see(iterate.Value, () => Images(iterate.Point)));
        return Images(point).MoveToOuterDisposeScope();
    }

    /// <summary>The mean feature: that of the first images, times what explains the tail's gradient best by features that are all alike.</summary>
    private double Unit(Tensor first, Misfit misfit)
    {
        var mean = Math.Max(first.abs().mean().ToDouble(), 1e-12);
        using var forward = Alone.Operator(split.Tail, (int)first.shape[0], context.OperatorChoice);
        var alike = ones_like(first).reshape(-1);
        var gradient = zeros_like(alike);
        return Enumerable.Range(-8, 17).Select(half => mean * Math.Pow(2, half / 2.0))
            .MinBy(unit => new TailObjective(forward, misfit, signal, first.shape, unit).Evaluate(alike, gradient));
    }

    /// <summary>The best point of a descent and its value.</summary>
    private (Tensor Point, double Value) Follow(Solver solver, Objective objective, Tensor start, RandomSource random, Action<SolverStep>? see)
    {
        var (best, least) = (start.clone(), double.PositiveInfinity);
        foreach (var iterate in solver.Descend(objective, start, random))
        {
            steps++;
            if (iterate.Value < least)
            {
                best.copy_(iterate.Point);
                least = iterate.Value;
            }
            see?.Invoke(iterate);
            if (run.Stop.IsCancellationRequested || !double.IsFinite(iterate.Value))
                break;
        }
        return (best, least);
    }
}
