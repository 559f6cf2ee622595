using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Leakage;

/// <summary>Rounds small enough to hold their Jacobian, and that matrix.</summary>
internal static class Probed
{
    /// <summary>A linear layer and nothing else: 48 unknowns in each image.</summary>
    public static Scene Linear(int batch) => new(new Mlp { Depth = 1 }, batch: batch, shape: new(3, 4, 4));

    /// <summary>A smooth convolutional network.</summary>
    public static Scene Convolutional(int batch) => new(new LeNet(), batch: batch, shape: new(3, 8, 8));

    public static LeakageAnalysis Measure(this Scene scene, GaussianImages prior, NoiseScale scale = NoiseScale.Layer, LeakageProbe? probe = null) =>
        (probe ?? new()).Measure(scene.Context, scene.Images, scene.Targets, prior, scale);

    /// <summary>J, column by column from the graph of libtorch, its rows divided as the scale says.</summary>
    public static Tensor Jacobian(Scene scene, NoiseScale scale)
    {
        var point = scene.Training.Linearize(scene.Model, new(scene.Images, scene.Targets));
        var weights = point.Value.Layout.Entries.Select((entry, i) => ones([entry.Count], ScalarType.Float64)
            / (scale == NoiseScale.Layer ? point.Value[i] : point.Value.Flat).square().mean().sqrt());
        var columns = Enumerable.Range(0, (int)scene.Images.numel()).Select(k =>
        {
            var unit = zeros(scene.Images.numel(), ScalarType.Float64);
            unit[k] = 1;
            return point.Pushforward(unit.view(scene.Images.shape)).Flat;
        });
        return stack([.. columns], 1) * cat([.. weights]).view(-1, 1);
    }

    /// <summary>S of the whole batch, as a matrix.</summary>
    public static Tensor Covariance(GaussianImages prior, int batch)
    {
        var count = prior.Shape.Count;
        var root = prior.Analyze(eye(count, dtype: ScalarType.Float64).view(-1, prior.Shape.Channels, prior.Shape.Height, prior.Shape.Width));
        return block_diag([.. Enumerable.Repeat(root.matmul(root.t()), batch)]);
    }

    public static double Decibels(Tensor posterior) => -10 * Math.Log10(posterior.trace().ToDouble() / posterior.shape[0]);

    public static Tensor Posterior(Tensor jacobian, Tensor covariance, double noise) =>
        linalg.inv(jacobian.t().matmul(jacobian) / (noise * noise) + linalg.inv(covariance));

    public static void Close(double expected, double actual, double tolerance = 1e-6) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected)), $"expected {expected:R}, got {actual:R}");
}
