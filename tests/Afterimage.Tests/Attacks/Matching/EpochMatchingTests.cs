using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class EpochMatchingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(96)]
    public void Epochs_agree_whatever_their_order(int filters)
    {
        using var scene = new Scene(new LeNet());
        using var scope = NewDisposeScope();
        var bound = new EpochAgreement(3, filters).Bind(scene.Context);
        Tensor Penalty(Tensor x) => bound(new PriorInput(scene.Context, x, scene.Targets));
        var images = rand([4, 3, 12, 12], ScalarType.Float64);
        long[][] orders = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]];
        var same = cat([.. orders.Select(order => images.index_select(0, tensor(order)))]);
        Assert.InRange(Penalty(same).ToDouble(), 0, 1e-20);
        var other = rand_like(same).requires_grad_();
        var value = Penalty(other);
        Assert.True(value.ToDouble() > 1e-4);
        Slope.Agrees(x => Penalty(x).ToDouble(), other.detach(), Differentiate.Gradients(value, [other])[0], randn_like(same), 1e-5, 1e-7);
    }

    [Fact]
    public void Images_are_matched_across_epochs_before_they_are_averaged()
    {
        using var scope = NewDisposeScope();
        var images = rand([5, 1, 4, 4]);
        var noise = randn([5, 1, 4, 4]) * 0.01;
        var apart = cat([images + noise, (images - noise).index_select(0, tensor(new long[] { 4, 2, 0, 1, 3 }))]);
        Assert.True(images.allclose(EpochMatching.Merge(apart, 2), atol: 1e-6));
    }

    [Fact]
    public void Separate_epochs_of_the_same_images_are_the_client()
    {
        using var scope = NewDisposeScope();
        foreach (var epochs in (int[])[2, 4])
        {
            var training = new FedAvg { Epochs = epochs, BatchSize = 2, LearningRate = 0.1 };
            using var scene = new Scene(new LeNet(), training, batch: 3);
            var separate = new SeparateEpochs(training);
            var (images, targets) = (scene.Images.repeat(epochs, 1, 1, 1), scene.Targets.repeat(epochs, 1));
            using var forward = separate.Operator(scene.Model, 3 * epochs);
            var point = forward.At(new(images, targets));
            var expected = scene.Context.Observation.Update;
            Assert.InRange((point.Value.Flat - expected.Flat).norm().ToDouble(), 0, 1e-12 * expected.Norm());
            var graph = separate.Linearize(scene.Model, new(images, targets)).Pullback(expected).Inputs;
            Assert.True(graph.allclose(point.Pullback(expected).Inputs, rtol: 1e-8, atol: 1e-14));
            Assert.Equal(training.GradientFactor(3), separate.GradientFactor(3 * epochs), 1e-15);
        }
    }

    [Fact]
    public void A_shuffled_client_is_attacked_without_its_order()
    {
        using var scope = NewDisposeScope();
        var training = new FedAvg { Epochs = 2, BatchSize = 1, LearningRate = 0.05, Shuffle = true };
        using var scene = new Scene(new Mlp { Depth = 2, Width = 64, Activation = ActivationKind.Sigmoid }, shape: new(1, 8, 8), batch: 3);
        using var context = new AttackContext
        {
            Model = scene.Model,
            Observation = new()
            {
                Update = training.Train(scene.Model, new(scene.Images, scene.Targets), new(5)), Training = training, BatchSize = 3, Labels = scene.Labels,
            },
            Random = new(2),
        };
        var attack = new EpochMatching();
        attack = attack with { Matching = attack.Matching with { Labels = new Given(), Restarts = 1, Solver = new Lbfgs { Iterations = 60 } } };
        var shown = 0;
        var before = Live.Tensors;
        using (var found = attack.Run(context, iterate =>
        {
            using var inner = NewDisposeScope();
            Assert.Equal([3, 1, 8, 8], iterate.Images().shape);
            shown++;
        }))
        {
            Assert.True(shown > 10);
            Assert.Equal([3, 1, 8, 8], found.Images.shape);
            Assert.Equal(scene.Labels.Order(), found.Labels.Classes.Order());
            Assert.InRange(found.RelativeMisfit, 0, 0.2);
        }
        Assert.InRange(Live.Tensors - before, 0, 2);
        Refusal.Says("needs labels before it starts", () => (attack with { Matching = attack.Matching with { Labels = new Joint() } }).Run(context));
    }
}
