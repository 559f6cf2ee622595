using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>The forward operator A: what a client's training makes of a batch.</summary>
[Trait("Category", "slow")]
public class OperatorLaws
{
    public static TheoryData<string, string, ModelMode> Operators()
    {
        var data = new TheoryData<string, string, ModelMode>();
        foreach (var model in Parts.Catalog.Parts(typeof(ModelSource)))
            foreach (var training in Parts.Catalog.Parts(typeof(LocalTraining)))
                foreach (var mode in Enum.GetValues<ModelMode>())
                    data.Add(Catalog.Kind(model), Catalog.Kind(training), mode);
        return data;
    }

    public static TheoryData<string> Models => Parts.Of<ModelSource>();

    [Theory, MemberData(nameof(Operators))]
    public void The_misfit_is_zero_at_the_truth(string model, string training, ModelMode mode)
    {
        using var scene = Open(model, training, mode);
        using var scope = NewDisposeScope();
        var update = scene.Context.Operator.At(new(scene.Images, scene.Targets)).Value;
        Assert.True(update.Norm() > 0);
        foreach (var kind in Parts.Catalog.Parts(typeof(Fidelity)).Select(Catalog.Kind))
            foreach (var layers in Enum.GetValues<LayerWeighting>())
            {
                var misfit = (Parts.Default<Fidelity>(kind) with { Layers = layers }).Against(scene.Context.Observation.Update);
                // Where oneDNN's convolutions were replaced, two evaluations round differently.
                Assert.Equal(0, misfit.Evaluate(update).Value, ConvolutionCheck.Note is null ? 1e-12 : 5e-10);
                Assert.True(misfit.Evaluate(Disturbed(scene, update)).Value > 1e-9, $"{kind} {layers} does not see another update");
            }
    }

    [Theory, MemberData(nameof(Operators))]
    public void Products_leave_the_model_bit_identical_and_agree_with_one_another(string model, string training, ModelMode mode)
    {
        using var scene = Open(model, training, mode);
        using var scope = NewDisposeScope();
        Tensor[] State() => [.. scene.Model.Parameters.Concat(scene.Model.Buffers.Values).Select(tensor => tensor.detach().clone())];
        var before = State();
        var linearization = scene.Context.Operator.At(new(scene.Images, scene.Targets));
        var v = new GradientSet(scene.Model.Layout, scene.Normal("v", scene.Model.Layout.Count));
        var u = scene.Normal("u", scene.Images.shape);
        var pullback = linearization.Pullback(v).Inputs;
        var pushforward = linearization.Pushforward(u);
        Assert.All(before.Zip(State()), pair => Assert.True(pair.First.equal(pair.Second).all().ToBoolean()));
        var (left, right) = (pushforward.Flat.dot(v.Flat).ToDouble(), (pullback * u).sum().ToDouble());
        Assert.Equal(left, right, 1e-9 * pushforward.Norm() * v.Norm());
        var again = scene.Context.Operator.At(new(scene.Images, scene.Targets));
        Assert.True(linearization.Value.Flat.equal(again.Value.Flat).all().ToBoolean());
    }

    [Theory, MemberData(nameof(Models))]
    public void One_full_step_of_averaging_is_a_scaled_gradient(string model)
    {
        foreach (var mode in Enum.GetValues<ModelMode>())
        {
            using var scene = new Scene(Scene.Source(model), new FedSgd { Mode = mode });
            using var scope = NewDisposeScope();
            var average = new FedAvg { Mode = mode, BatchSize = 2, LearningRate = 0.03 };
            var difference = average.Linearize(scene.Model, new(scene.Images, scene.Targets)).Value;
            var gradient = scene.Context.Observation.Update;
            Assert.Equal(-0.03, average.GradientFactor(2), 1e-15);
            Assert.True((difference.Flat - gradient.Flat * -0.03).norm().ToDouble() <= 1e-10 * difference.Norm());
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 3)]
    [InlineData(3, 5, 5)]
    [InlineData(2, 9, 4)]
    public void Unrolled_averaging_is_what_a_client_does(int epochs, int batchSize, int images)
    {
        var training = new FedAvg { Epochs = epochs, BatchSize = batchSize, LearningRate = 0.1 };
        using var scene = new Scene(new LeNet(), training, images);
        using var scope = NewDisposeScope();
        var weights = scene.Model.Parameters.Select(parameter => new TorchSharp.Modules.Parameter(parameter.detach().clone())).ToArray();
        var optimizer = optim.SGD(weights, 0.1);
        var labels = tensor(scene.Labels.Select(label => (long)label).ToArray());
        for (var epoch = 0; epoch < epochs; epoch++)
            for (var from = 0; from < images; from += batchSize)
            {
                var to = Math.Min(images, from + batchSize);
                optimizer.zero_grad();
                nn.functional.cross_entropy(scene.Model.Logits(scene.Images[from..to], ModelMode.Eval, weights), labels[from..to])
                    .backward();
                optimizer.step();
            }
        var difference = cat([.. weights.Zip(scene.Model.Parameters, (after, before) => (after.detach() - before.detach()).reshape(-1))]);
        Assert.True((scene.Context.Observation.Update.Flat - difference).norm().ToDouble() <= 1e-10 * difference.norm().ToDouble());
    }

    [Theory]
    [InlineData(0, 1, 0.1, "/epochs is 0")]
    [InlineData(1, 0, 0.1, "/batchSize is 0")]
    [InlineData(1, 1, 0, "/learningRate is 0")]
    [InlineData(1, 1, double.NaN, "/learningRate is NaN")]
    public void Training_that_does_nothing_is_refused(int epochs, int batchSize, double rate, string values)
    {
        var training = new FedAvg { Epochs = epochs, BatchSize = batchSize, LearningRate = rate };
        Refusal.Says(values, () => new Scene(new LeNet(), training));
    }

    [Theory, MemberData(nameof(Models))]
    public void A_seed_means_one_model(string model)
    {
        var source = Scene.Source(model);
        using var scope = NewDisposeScope();
        Tensor Weights(ulong seed, ScalarType type)
        {
            using var scene = new Scene(source, seed: seed, type: type, batch: 2);
            return cat([.. scene.Model.Parameters.Select(parameter => parameter.detach().reshape(-1))]).MoveToOuterDisposeScope();
        }
        var weights = Weights(1, ScalarType.Float32);
        Assert.True(weights.equal(Weights(1, ScalarType.Float32)).all().ToBoolean());
        Assert.True(weights.to(ScalarType.Float64).equal(Weights(1, ScalarType.Float64)).all().ToBoolean());
        Assert.Equal(source is not Architecture, weights.equal(Weights(2, ScalarType.Float32)).all().ToBoolean());
    }

    private static Scene Open(string model, string training, ModelMode mode)
    {
        var made = Parts.Default<LocalTraining>(training) with { Mode = mode };
        // A step on a single image has no statistics of a batch.
        return new(Scene.Source(model), made switch
        {
            FedAvg average => average with { BatchSize = 2 },
            Aggregate aggregate => aggregate with { Sizes = [2, 2] },
            _ => made,
        }, batch: 4);
    }

    private static GradientSet Disturbed(Scene scene, GradientSet update)
    {
        var noise = scene.Normal("disturbance", update.Layout.Count);
        return new(update.Layout, update.Flat + noise * (0.5 * update.Norm() / noise.norm().ToDouble()));
    }
}
