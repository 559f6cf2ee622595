using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

[Trait("Category", "slow")]
public class DeepFirstTests
{
    private static Scene Rectified(int batch = 1) =>
        new(new ConvNet { Width = 4 }, batch: batch, type: ScalarType.Float64, shape: new(3, 12, 12));

    [Fact]
    public void A_felt_kink_has_the_value_and_the_slope_of_a_relu_and_the_curvature_of_a_triangle()
    {
        using var scope = NewDisposeScope();
        using var model = Alone(new(ActivationKind.SoftGateLeakyReLU, 0.2, 4));
        using var kinked = Alone(new(ActivationKind.LeakyReLU, 0.2));
        var x = randn([1, 1, 4, 4], ScalarType.Float64).requires_grad_();
        var (softGate, plain) = (model.Logits(x), kinked.Logits(x));
        Assert.True(softGate.allclose(plain, rtol: 1e-12, atol: 1e-14));
        var weights = rand_like(x);
        Tensor Slope(Tensor y) => Differentiate.Gradients((y.view(x.shape) * weights).sum(), [x], graph: true)[0];
        var slope = Slope(softGate);
        Assert.True(slope.allclose(Slope(plain), rtol: 1e-12, atol: 1e-14));
        var curvature = Differentiate.Gradients(slope.sum(), [x])[0] / weights;
        var scale = 4 / x.detach().square().mean().sqrt();
        Assert.True(curvature.allclose((1 - x.detach().abs() * scale).clamp_min(0) * scale * 0.8, rtol: 1e-9, atol: 1e-12));

        NetworkModel Alone(Activation activation) => new(
            new(new(1, 4, 4), 16, [new BatchNorm2d("n", 1, Epsilon: 0), activation, new Flatten()]),
            Normalization.None(1), [ones(1, ScalarType.Float64), zeros(1, ScalarType.Float64)],
            new() { ["n.running_mean"] = zeros(1, ScalarType.Float64), ["n.running_var"] = ones(1, ScalarType.Float64) });
    }

    [Fact]
    public void A_cut_network_is_the_network()
    {
        using var scope = NewDisposeScope();
        foreach (var source in (ModelSource[])[new ConvNet { Width = 4 }, new ResNet { Depth = 20 }])
            foreach (var blocks in (int[])[1, 2, 3])
            {
                using var scene = new Scene(source, batch: 2, type: ScalarType.Float64);
                using var split = SplitNetwork.At(scene.Model, blocks)!;
                var features = split.Features(scene.Images);
                Assert.True(split.Tail.Logits(features).allclose(scene.Model.Logits(scene.Images), rtol: 1e-10, atol: 1e-12));
                var update = split.Update(scene.Context.Observation.Update);
                var again = new FedSgd().Linearize(split.Tail, new(features, scene.Targets)).Value;
                Assert.InRange((again.Flat - update.Flat).norm().ToDouble(), 0, 1e-10 * update.Norm());
            }
        using var shallow = new Scene(new LeNet());
        Assert.Null(SplitNetwork.At(shallow.Model, 9));
    }

    [Fact]
    public void Targets_that_sum_to_zero_put_the_heads_bias_in_place_of_the_softmax()
    {
        using var scope = NewDisposeScope();
        using var scene = Rectified();
        var update = scene.Context.Observation.Update;
        var bias = update[scene.Model.Head!.Value.Bias!.Value];
        var point = scene.Context.Operator.At(new(scene.Images, -bias.view(1, -1)));
        Assert.InRange((point.Value.Flat - update.Flat).norm().ToDouble(), 0, 1e-10 * update.Norm());
        var elsewhere = scene.Context.Operator.At(new(rand_like(scene.Images), -bias.view(1, -1))).Value;
        Assert.True(elsewhere[scene.Model.Head!.Value.Bias!.Value].allclose(bias, rtol: 1e-9, atol: 1e-12));
    }

    [Fact]
    public void Where_kinks_are_felt_the_gradient_of_the_tail_leads_to_its_features()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet { Depth = 20 }.Open(new(3, 32, 32), 10, new RandomSource(1), ScalarType.Float32, CPU);
        var image = new DeadLeaves().Open()[3];
        var images = tensor(image.Pixels).view(1, 3, 32, 32);
        var label = new Labels([image.Label], [1]).Targets(10, ScalarType.Float32, CPU);
        var gradient = new FedSgd().Linearize(model, new(images, label)).Value;
        using var split = SplitNetwork.At(model, 1)!;
        var update = split.Update(gradient);
        var truth = split.Features(images).detach();
        var signal = -update[update.Layout.Entries.Count - 1].view(1, -1);
        using var generator = new RandomSource(5).Generator(CPU);
        var noise = randn([truth.numel()], generator: generator) * 0.3;
        double Distance(double sharpness)
        {
            var exact = split.Tail.Network.Layers;
            var layers = sharpness > 0 ? SmoothedModel.Smoothed(exact, softGate: true, sharpness) : exact;
            using var tail = split.Tail.With(split.Tail.Network with { Layers = layers });
            using var forward = new FedSgd().Operator(tail, 1, OperatorChoice.Compiled);
            var unit = truth.mean().ToDouble();
            var fidelity = new Euclidean { Layers = LayerWeighting.InverseRms }.Against(update);
            var objective = new TailObjective(forward, fidelity, signal, truth.shape, unit);
            var last = (truth / unit).reshape(-1) + noise;
            foreach (var iterate in new FirstOrder { LearningRate = 0.03, Schedule = Schedule.Cosine, Iterations = 600 }
                .Descend(objective, last.clone(), new RandomSource(1)))
                last.copy_(iterate.Point);
            return ((objective.Features(last) - truth).norm() / truth.norm()).ToDouble();
        }
        var (softGate, blind) = (Distance(3), Distance(0));
        var start = noise.norm().ToDouble() * truth.mean().ToDouble() / truth.norm().ToDouble();
        // Followed to the letter, the derivative leads away from the truth even from nearby.
        Assert.True(softGate < 0.75 * start && blind > start, $"from {start}: softGate {softGate}, blind {blind}");
    }

    [Fact]
    public void It_explains_an_update_better_than_gray_and_leaves_no_tensor()
    {
        using var scene = new Scene(new ResNet { Depth = 20 }, batch: 1, type: ScalarType.Float32, shape: new(3, 16, 16));
        var solver = new FirstOrder { LearningRate = 0.3, Iterations = 30 };
        var attack = new DeepFirst { Labels = new Given(), FeatureSteps = 100, Solver = solver };
        attack.Run(scene.Context).Dispose();
        var before = Live.Tensors;
        var restarts = new HashSet<int>();
        using (var found = attack.Run(scene.Context, iterate => restarts.Add(iterate.Restart)))
        {
            Assert.Equal(before + 1, Live.Tensors);
            Assert.Equal([0, 1], restarts.Order());
            Assert.Equal(2, found.Restarts);
            Assert.InRange(found.RelativeMisfit, 0, 0.9);
            Assert.Contains(found.Evidence, note => note is TailExplained);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Fact]
    public void Where_its_way_is_closed_it_refuses()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet());
        using var smooth = new DeepFirst { Labels = new Given() }.Run(scene.Context);
        Assert.Equal(OutcomeKind.Refused, smooth.Outcome.Kind);
        Assert.Contains("with ReLU", smooth.Outcome.Advice, StringComparison.Ordinal);
        using var rectified = Rectified();
        using var joint = new DeepFirst { Labels = new Joint() }.Run(rectified.Context);
        Assert.Equal(OutcomeKind.Refused, joint.Outcome.Kind);
        Assert.Contains("refined-counts", joint.Outcome.Advice, StringComparison.Ordinal);
        Refusal.Says("/widths/1 is 0", () => new DeepFirst { Widths = [1, 0] }.Run(scene.Context));
    }
}
