using Afterimage.Fidelities;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Fidelities;

public class PartialCosineTests
{
    private static GradientSet Predicted(Scene scene) => new(scene.Model.Layout, scene.Context.Observation.Update.Flat
        + scene.Normal("error", scene.Model.Layout.Count) * scene.Context.Observation.Update.Flat.abs().mean());

    [Fact]
    public void The_whole_share_is_the_cosine()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        foreach (var layers in Enum.GetValues<LayerWeighting>())
        {
            var (whole, part) = (new Cosine { Layers = layers }.Against(scene.Context.Observation.Update),
                new PartialCosine { Share = 1, Layers = layers }.Against(scene.Context.Observation.Update));
            Assert.Equal(whole.Evaluate(Predicted(scene)).Value, part.Evaluate(Predicted(scene)).Value, 1e-12);
        }
    }

    [Fact]
    public void A_predicted_update_of_nothing_is_no_error_in_single_precision()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        var observed = scene.Context.Observation.Update;
        foreach (var fidelity in (Fidelity[])[new Cosine(), new PartialCosine()])
            foreach (var size in (double[])[0, 1e-25])
            {
                var (value, gradient) = fidelity.Against(observed).Evaluate(new(observed.Layout, ones_like(observed.Flat) * size));
                Assert.InRange(value, 0, 2);
                Assert.True(gradient.Flat.isfinite().all().ToBoolean());
            }
    }

    [Theory]
    [InlineData(PartialChoice.Random)]
    [InlineData(PartialChoice.Adaptive)]
    public void A_share_of_every_tensor_counts_and_changes_with_the_steps(PartialChoice choice)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var misfit = new PartialCosine { Share = 0.25, Choice = choice, Every = 3 }.Against(scene.Context.Observation.Update);
        bool[] Counting(int step, GradientSet at)
        {
            misfit.Begin(step);
            return [.. misfit.Evaluate(at).Gradient.Flat.data<double>().ToArray().Select(value => value != 0)];
        }
        var predicted = Predicted(scene);
        var first = Counting(0, predicted);
        foreach (var entry in scene.Model.Layout.Entries)
            Assert.Equal((int)Math.Ceiling(0.25 * entry.Count),
                first.AsSpan((int)entry.Offset, (int)entry.Count).Count(true));
        var other = new GradientSet(scene.Model.Layout, predicted.Flat.flip(0));
        Assert.Equal(first, Counting(2, other));
        Assert.NotEqual(first, Counting(3, other));
    }

    [Fact]
    public void The_adaptive_share_is_where_the_two_differ_most()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var (observed, predicted) = (scene.Context.Observation.Update, Predicted(scene));
        var gradient = new PartialCosine { Share = 0.1, Choice = PartialChoice.Adaptive }.Against(observed).Evaluate(predicted).Gradient;
        var difference = (predicted.Flat / predicted.Norm() - observed.Flat / observed.Norm()).abs();
        var counts = gradient.Flat != 0;
        var entry = scene.Model.Layout.Entries[0];
        var (chosen, left) = (counts.narrow(0, entry.Offset, entry.Count), counts.narrow(0, entry.Offset, entry.Count).logical_not());
        var part = difference.narrow(0, entry.Offset, entry.Count);
        Assert.True(part.masked_select(chosen).min().ToDouble() >= part.masked_select(left).max().ToDouble());
    }
}
