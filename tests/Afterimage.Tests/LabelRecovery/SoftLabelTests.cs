using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>Labels that are spread or mixed, read from single gradients and from batches.</summary>
public class SoftLabelTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_head_without_a_bias_gives_smoothed_and_mixed_labels(bool smooth)
    {
        var draw = new RandomSource(5).Managed();
        for (var trial = 0; trial < 40; trial++)
        {
            var (classes, features) = (trial % 2 == 0 ? 10 : 17, 96);
            var weight = Enumerable.Range(0, classes * features).Select(_ => 0.4 * (draw.NextDouble() - 0.5)).ToArray();
            var feature = Enumerable.Range(0, features).Select(_ => draw.NextDouble() * (trial % 3 == 0 ? -1 : 1)).ToArray();
            var truth = Label(classes, smooth, draw);
            var found = SoftLabels.OfRows(weight, Gradient(weight, feature, truth), classes, features);
            var (label, fits) = Assert.Single(found);
            Assert.True(fits);
            Assert.InRange(label.Zip(truth, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-3);
        }
    }

    [Fact]
    public void Scales_that_fit_alike_are_all_listed()
    {
        // Logits that differ in two classes alone: every other entry says nothing, so that a whole range of scales fits.
        var weight = new double[6 * 4];
        (weight[0], weight[4]) = (40, -40);
        double[] truth = [0.7, 0.3, 0, 0, 0, 0];
        var found = SoftLabels.OfRows(weight, Gradient(weight, [1, 0.5, 0.2, 0.1], truth), 6, 4);
        Assert.False(found is [{ Fits: true }]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_head_with_a_bias_gives_label_and_feature_in_closed_form(bool smooth)
    {
        using var scope = NewDisposeScope();
        var truth = Label(Batches.Classes, smooth, new RandomSource(2).Managed());
        using var context = Batches.Of(new LeNet(), [0], targets: tensor(truth, [1, Batches.Classes]).to(ScalarType.Float32));
        var found = new SoftLabels().Recover(context);
        Assert.False(found.Refine);
        Assert.Equal(768, found.Features!.Value.Count);
        Assert.InRange(found.Soft!.Value.Zip(truth, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-3);
        Assert.InRange((found.Targets(Batches.Classes, ScalarType.Float64, CPU) - tensor(truth)).abs().max().ToDouble(), 0, 1e-3);
    }

    [Fact]
    public void Smoothing_shows_in_a_batch_as_a_floor()
    {
        using var scope = NewDisposeScope();
        int[] labels = [1, 4, 4];
        var targets = new Labels(labels.ToValueList(), []).Targets(Batches.Classes, ScalarType.Float32, CPU) * 0.8 + 0.02;
        using var context = Batches.Of(new Mlp(), labels, targets: targets);
        var found = new SoftLabels().Recover(context);
        Assert.Equal(labels, found.Classes);
        Assert.InRange(Math.Abs(found.Soft!.Value[0] - 0.02), 0, 0.01);
        Assert.Contains("smoothed by", found.Reasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Mixed_labels_of_a_batch_are_left_to_the_attack()
    {
        using var scope = NewDisposeScope();
        var targets = tensor(new[] { 0.6f, 0.4f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5f, 0, 0, 0.5f, 0, 0, 0, 0 }, [2, Batches.Classes]);
        using var context = Batches.Of(new Mlp(), [0, 2], targets: targets);
        var found = new SoftLabels().Recover(context);
        Assert.True(found.Refine);
        Assert.InRange((found.Targets(Batches.Classes, ScalarType.Float32, CPU).sum(0) - targets.sum(0)).abs().max().ToDouble(), 0, 0.1);
        Assert.InRange((found.Targets(Batches.Classes, ScalarType.Float32, CPU).sum(1) - 1).abs().max().ToDouble(), 0, 1e-4);
    }

    [Fact]
    public void Refinement_starts_from_the_labels_that_were_recovered()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var attack = new GradientMatching
        {
            Labels = new SoftLabels(),
            Solver = new Lbfgs { Iterations = 2 },
            Precision = Precision.Float64,
        };
        using var found = attack.Run(scene.Context);
        Assert.Equal(2, found.Labels.Classes.Count);
    }

    private static double[] Label(int classes, bool smooth, Random draw)
    {
        var (label, share) = (new double[classes], draw.NextDouble());
        for (var c = 0; c < classes && smooth; c++)
            label[c] = share / 2 / classes;
        label[draw.Next(classes)] += smooth ? 1 - share / 2 : share;
        label[draw.Next(classes)] += smooth ? 0 : 1 - share;
        return label;
    }

    private static double[] Gradient(double[] weight, double[] feature, double[] truth)
    {
        var logits = truth.Select((_, c) => feature.Select((value, f) => value * weight[c * feature.Length + f]).Sum()).ToArray();
        var exponentials = logits.Select(logit => Math.Exp(logit - logits.Max())).ToArray();
        var errors = truth.Select((label, c) => exponentials[c] / exponentials.Sum() - label);
        return [.. errors.SelectMany(error => feature.Select(value => (double)(float)(error * value)))];
    }
}
