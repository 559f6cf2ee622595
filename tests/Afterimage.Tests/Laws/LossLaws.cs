using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>Every loss, under both reductions, and cross-entropy of smoothed labels.</summary>
public class LossLaws
{
    public static TheoryData<string, Reduction, double> Losses()
    {
        var data = new TheoryData<string, Reduction, double>();
        foreach (var kind in Parts.Catalog.Parts(typeof(Loss)).Select(Catalog.Kind))
            foreach (var reduction in Enum.GetValues<Reduction>())
                data.Add(kind, reduction, 0);
        data.Add("cross-entropy", Reduction.Mean, 0.2);
        return data;
    }

    /// <summary>The logits' derivative has the closed form that compiled plans use, and is what differences say.</summary>
    [Theory, MemberData(nameof(Losses))]
    public void The_derivative_is_predictions_minus_targets(string kind, Reduction reduction, double smoothing)
    {
        var loss = Of(kind, reduction, smoothing);
        using var scene = Scene.Smooth(batch: 3);
        using var scope = NewDisposeScope();
        var (logits, targets) = (scene.Normal("z", 3, 5) * 2, scene.Normal("t", 3, 5).softmax(1));
        var leaf = logits.detach().requires_grad_();
        var derivative = Differentiate.Gradients(loss.Of(leaf, targets), [leaf])[0];
        var predictions = loss.Link switch { Link.Softmax => logits.softmax(1), Link.Sigmoid => logits.sigmoid(), _ => logits };
        var closed = (predictions - loss.Seen(targets)) * (loss.Slope / loss.Divisor(3, 5));
        Assert.True(closed.allclose(derivative, rtol: 1e-12, atol: 1e-15));
        Slope.Agrees(z => loss.Of(z, targets).ToDouble(), logits, derivative, scene.Normal("direction", 3, 5));
    }

    [Theory, MemberData(nameof(Losses))]
    public void Every_operator_agrees_with_one_graph(string kind, Reduction reduction, double smoothing)
    {
        var loss = Of(kind, reduction, smoothing);
        using var scene = Scene.Smooth(batch: 3);
        using var scope = NewDisposeScope();
        var batch = new Batch(scene.Images, scene.Normal("t", 3, 5).softmax(1));
        var v = new GradientSet(scene.Model.Layout, scene.Normal("v", scene.Model.Layout.Count));
        var u = scene.Normal("u", scene.Images.shape);
        var average = new FedAvg { BatchSize = 2, Epochs = 2, Loss = loss };
        (LocalTraining Training, OperatorChoice Choice, double Tolerance)[] operators =
        [
            (new FedSgd { Loss = loss }, OperatorChoice.Compiled, 1e-11),
            (new FedSgd { Loss = loss }, OperatorChoice.FiniteDifferences, 1e-6),
            (average, OperatorChoice.Stepwise, 1e-11), (new Aggregate { Sizes = [1, 2], Loss = loss }, OperatorChoice.Auto, 1e-11),
        ];
        foreach (var (training, choice, tolerance) in operators)
        {
            var expected = training.Linearize(scene.Model, batch);
            using var forward = training.Operator(scene.Model, 3, choice);
            var found = forward.At(batch);
            Near(expected.Value.Flat, found.Value.Flat, tolerance);
            Near(expected.Pullback(v).Inputs, found.Pullback(v).Inputs, tolerance);
            Near(expected.Pullback(v).Targets, found.Pullback(v).Targets, tolerance);
            Near(expected.Pushforward(u).Flat, found.Pushforward(u).Flat, tolerance);
        }
    }

    [Theory, MemberData(nameof(Losses))]
    public void One_full_step_of_averaging_is_a_scaled_gradient(string kind, Reduction reduction, double smoothing)
    {
        using var scene = Scene.Smooth(batch: 3);
        using var scope = NewDisposeScope();
        var batch = new Batch(scene.Images, scene.Targets);
        var single = new FedSgd { Loss = Of(kind, reduction, smoothing) };
        var gradient = single.Linearize(scene.Model, batch).Value;
        var step = new FedAvg { BatchSize = 3, LearningRate = 0.03, Loss = single.Loss };
        Near(gradient.Flat * -0.03, step.Linearize(scene.Model, batch).Value.Flat, 1e-10);
        Assert.Equal(-0.03 * single.GradientFactor(3), step.GradientFactor(3), 1e-15);
    }

    /// <summary>Of equal images the update is the factor times the gradient of one, while the weights stand still.</summary>
    [Theory, MemberData(nameof(Losses))]
    public void The_factor_is_that_of_the_mean_over_images(string kind, Reduction reduction, double smoothing)
    {
        var loss = Of(kind, reduction, smoothing);
        using var scene = Scene.Smooth(batch: 1);
        using var scope = NewDisposeScope();
        var one = new Batch(scene.Images, scene.Targets);
        var gradient = new FedSgd { Loss = loss }.Linearize(scene.Model, one).Value.Flat;
        LocalTraining[] trainings =
        [
            new FedSgd { Loss = loss }, new FedAvg { Epochs = 2, BatchSize = 2, LearningRate = 1e-9, Loss = loss },
            new Aggregate { Sizes = [1, 4], Loss = loss }, new Aggregate { Local = new FedAvg { LearningRate = 1e-9 }, Loss = loss },
        ];
        foreach (var training in trainings)
        {
            var update = training.Linearize(scene.Model, one.Each(tensor => cat([.. Enumerable.Repeat(tensor, 5)]))).Value.Flat;
            Near(gradient * training.GradientFactor(5), update, 1e-5);
        }
    }

    [Theory, MemberData(nameof(Losses))]
    public void Labels_are_read_from_softmax_minus_label_or_not_at_all(string kind, Reduction reduction, double smoothing)
    {
        var training = new FedSgd { Loss = Of(kind, reduction, smoothing) };
        using var scene = new Scene(new LeNet(), training, batch: 3);
        using var mean = Scene.Smooth(batch: 3);
        foreach (var rule in Parts.Catalog.Parts(typeof(LabelRule)).Where(part => part != typeof(Given) && part != typeof(Joint)))
        {
            var recovery = (LabelRule)Parts.Default(rule);
            if (rule == typeof(Idlg) || rule == typeof(SoftLabels))
                continue;
            if (training.Loss.HeadObstacle is { } obstacle)
                Refusal.Says(obstacle, () => recovery.Recover(scene.Context));
            else
                Assert.Equal(recovery.Recover(mean.Context).Classes, recovery.Recover(scene.Context).Classes);
        }
    }

    [Theory, MemberData(nameof(Losses))]
    public void Closed_forms_read_the_same_images_or_refuse(string kind, Reduction reduction, double smoothing)
    {
        var training = new FedSgd { Loss = Of(kind, reduction, smoothing) };
        using var scene = Scene.Tiny(training: training, type: ScalarType.Float64);
        using var scope = NewDisposeScope();
        foreach (Attack attack in (Attack[])[new LinearLayerInversion(), new RecursiveInversion()])
        {
            var found = attack.Run(scene.Context);
            if (training.Loss.HeadObstacle is { } obstacle)
                Assert.Equal(obstacle, found.Outcome.Advice);
            else
                Assert.True((found.Images - scene.Images.to(ScalarType.Float32)).abs().max().ToDouble() < 1e-3);
        }
    }

    [Fact]
    public void A_share_that_is_none_is_refused() =>
        Refusal.Says("/smoothing is 1.5: give a number from 0 to below 1", () => Settings.Check(new CrossEntropy { Smoothing = 1.5 }));

    [Fact]
    public void A_loss_without_a_link_is_differentiated_by_autograd()
    {
        using var scene = new Scene(new LeNet(), new FedSgd { Loss = new Absolute() });
        Assert.Equal("autograd", scene.Context.Operator.Name);
        Assert.StartsWith("The loss Absolute has no closed form of its derivative", scene.Context.Operator.Reason);
    }

    private sealed record Absolute : Loss
    {
        public override Link? Link => null;

        protected override Tensor Sum(Tensor logits, Tensor targets) => (logits - targets).abs().sum();

        protected override int Terms(int classes) => classes;
    }

    private static Loss Of(string kind, Reduction reduction, double smoothing) =>
        Parts.Default<Loss>(kind) with { Reduction = reduction } switch
        {
            CrossEntropy entropy => entropy with { Smoothing = smoothing },
            var loss => loss,
        };

    private static void Near(Tensor expected, Tensor found, double tolerance) =>
        Assert.True((expected - found).norm().ToDouble() <= tolerance * expected.norm().ToDouble());
}
