using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

/// <summary>What is looked for beside the images.</summary>
[Trait("Category", "slow")]
public class NuisanceTests
{
    private static readonly FedAvg Steps = new() { Epochs = 2, BatchSize = 1, LearningRate = 0.1 };
    private static readonly Mlp Dropping = new() { Depth = 3, Width = 16, Activation = ActivationKind.Tanh, Dropout = 0.3 };

    public static TheoryData<string> Kinds => Parts.Of<Nuisance>();

    [Theory, MemberData(nameof(Kinds))]
    public void The_whole_objective_has_the_derivative_that_differences_show(string kind)
    {
        LocalTraining[] trainings = [Steps with { Mode = ModelMode.Train }, Steps with { Epochs = 6, Mode = ModelMode.Train }];
        foreach (var training in trainings)
            foreach (var rule in (LabelRule[])[new Given(), new Joint()])
            {
                using var scene = new Scene(Dropping, training, shape: new(1, 6, 6));
                using var scope = NewDisposeScope();
                var search = new Pixels().Open(scene.Context, scene.Images * 0.8 + 0.1, new(3));
                var objective = new MatchingObjective(scene.Context, search, new Euclidean { Layers = LayerWeighting.InverseRms }, [],
                    rule.Recover(scene.Context), new(3), Parts.Default<Nuisance>(kind));
                Assert.True(objective.Start.numel() > scene.Images.numel() + (rule is Joint ? 10 : 0));
                var point = objective.Start + scene.Normal("away", objective.Start.shape) * 0.01;
                var gradient = zeros_like(point);
                var scratch = zeros_like(point);
                objective.Evaluate(point, gradient);
                double Value(Tensor at) => objective.Evaluate(at, scratch);
                Slope.Agrees(Value, point, gradient, scene.Normal("direction", gradient.shape), tolerance: 1e-5, step: 1e-6);
                var others = zeros_like(gradient);
                var from = scene.Images.numel() + (rule is Joint ? 10 : 0);
                others.narrow(0, from, others.shape[0] - from).copy_(scene.Normal("others", others.shape[0] - from));
                Slope.Agrees(Value, point, gradient, others, tolerance: 1e-5, step: 1e-5);
                objective.Project(point);
                Assert.False(objective.Project(point));
                Assert.EndsWith(".", objective.Describe(point), StringComparison.Ordinal);
            }
    }

    [Fact]
    public void At_the_true_masks_nothing_is_left_of_the_update()
    {
        using var scope = NewDisposeScope();
        LocalTraining[] trainings = [new FedSgd { Mode = ModelMode.Train }, Steps with { Epochs = 4, Mode = ModelMode.Train }];
        foreach (var training in trainings)
        {
            using var scene = new Scene(Dropping, training, shape: new(1, 6, 6));
            var chance = training.Draw(scene.Model, 2, new(5));
            var sent = training.Linearize(scene.Model, new(scene.Images, scene.Targets), chance).Value;
            var search = new DropoutMasks().Open(scene.Context, new(1));
            Assert.Equal(chance.Masks!.numel(), search.Start.numel());
            var point = search.At(new(scene.Images, scene.Targets), chance.Masks.reshape(-1));
            Assert.InRange((point.Value.Flat - sent.Flat).norm().ToDouble(), 0, 1e-12);
            Assert.True((search.At(new(scene.Images, scene.Targets), search.Start).Value.Flat - sent.Flat).norm().ToDouble() > 1e-3);
        }
    }

    [Fact]
    public void Columns_that_did_not_move_tell_masks()
    {
        using var scope = NewDisposeScope();
        foreach (var batch in (int[])[1, 3])
            foreach (var source in (ModelSource[])[Dropping, new LeNet { Dropout = 0.4 }])
            {
                var training = new FedSgd { Mode = ModelMode.Train };
                using var scene = new Scene(source, training, batch, shape: new(1, 8, 8));
                var masks = training.Draw(scene.Model, batch, new(5)).Masks!;
                using var context = new AttackContext
                {
                    Model = scene.Model,
                    Observation = new()
                    {
                        Update = training.Linearize(scene.Model, new(scene.Images, scene.Targets), new(null, masks)).Value,
                        Training = training,
                        BatchSize = batch,
                    },
                    Random = new(2),
                };
                var start = new DropoutMasks().Open(context, new(1)).Start.view(masks.shape);
                if (batch == 1)
                    Assert.True(masks.equal(start).all().ToBoolean());
                else
                    Assert.Equal(0, start.index_select(1, masks.sum([0]).eq(0).nonzero().squeeze(1)).sum().ToDouble());
            }
    }

    [Fact]
    public void Masks_are_found_with_the_image()
    {
        using var scope = NewDisposeScope();
        var model = new Mlp { Depth = 3, Width = 64, Activation = ActivationKind.Sigmoid, Dropout = 0.25 };
        var training = new FedSgd { Mode = ModelMode.Train };
        using var scene = new Scene(model, training, batch: 1, shape: new(1, 8, 8));
        using var context = new AttackContext
        {
            Model = scene.Model,
            Observation = new()
            {
                Update = training.Train(scene.Model, new(scene.Images, scene.Targets), new(5)),
                Training = training,
                BatchSize = 1,
                Labels = scene.Labels,
            },
            Random = new(2),
        };
        var solver = new Lbfgs { Iterations = 400, ValueTolerance = 1e-6 };
        var attack = Known.Matching with { Labels = new Given(), Continuation = [1e-3], Restarts = 1, Solver = solver };
        using var blind = attack.Run(context);
        using var seeing = (attack with { Nuisance = new DropoutMasks { Weight = 0, Read = false } }).Run(context);
        double Error(Reconstruction found) => (found.Images.to(ScalarType.Float64) - scene.Images).square().mean().ToDouble();
        Assert.True(Error(seeing) < 0.1 * Error(blind), $"{Error(seeing)} with masks, {Error(blind)} without");
        Assert.Contains("masks", Assert.Single(seeing.Evidence).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_surrogate_that_has_not_moved_is_the_gradient_before_the_round()
    {
        using var scope = NewDisposeScope();
        var training = new FedAvg { BatchSize = 2, LearningRate = 0.1 };
        using var scene = new Scene(new LeNet(), training);
        var search = new SurrogateWeights { Pace = 0.5 }.Open(scene.Context, new(1));
        Assert.Equal((0.5, 0.5), (search.Start.ToDouble(), search.Rate));
        var start = search.At(new(scene.Images, scene.Targets), zeros([1], ScalarType.Float64)).Value;
        Assert.InRange((start.Flat - scene.Context.Observation.Update.Flat).norm().ToDouble(), 0, 1e-12);
        Assert.True((search.At(new(scene.Images, scene.Targets), search.Start).Value.Flat - start.Flat).norm().ToDouble() > 1e-6);
        using var gradient = new Scene(new LeNet());
        Assert.Equal(0, new SurrogateWeights().Open(gradient.Context, new(1)).Start.numel());
    }

    [Fact]
    public void A_surrogate_explains_many_steps_better_than_either_end()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet(), new FedAvg { Epochs = 20, BatchSize = 1, LearningRate = 0.05 });
        var search = new SurrogateWeights().Open(scene.Context, new(1));
        var fidelity = new Cosine().Against(scene.Context.Observation.Update);
        double At(double a) => fidelity.Evaluate(search.At(new(scene.Images, scene.Targets), full([1], a, ScalarType.Float64)).Value).Value;
        Assert.True(At(0.5) < At(0) && At(0.5) < At(1), $"{At(0)}, {At(0.5)}, {At(1)}");
    }

    [Theory]
    [InlineData(1, 1e-4)]
    [InlineData(3, 2e-4)]
    public void Rate_times_steps_is_read_from_the_head(int epochs, double rate)
    {
        using var scope = NewDisposeScope();
        var training = new FedAvg { Epochs = epochs, BatchSize = 2, LearningRate = rate };
        var client = new SimulatedClient { BatchSize = 4, Training = training };
        foreach (var source in (ModelSource[])[new LeNet { Initialization = LeNetInitialization.Default }, new Mlp()])
        {
            using var round = client.Open(source, 0, new(1), CPU);
            var length = HiddenTraining.Estimate(round.Model, round.Update, 4)!.Value;
            Assert.InRange(length / (rate * 2 * epochs), 0.8, 1.25);
            var hidden = new ThreatModel { RevealTraining = false }.Reveal(round);
            Assert.Equal(new HiddenTraining(), hidden.Training);
            var completed = hidden.Completed(round.Model);
            Assert.Equal(new HiddenTraining { Length = length }, completed.Training);
            Assert.Same(hidden.Update, completed.Update);
            var known = new ThreatModel().Reveal(round);
            Assert.Equal(training, known.Training);
            Assert.Same(known, known.Completed(round.Model));
        }
    }
}
