using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Images;
using Afterimage.Numerics;
using Afterimage.Tests.Leakage;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>Attack and forecast believe the same of images.</summary>
public class ImageModelLaws
{
    private const double Noise = 1e-2;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    public void What_the_attack_leaves_open_at_the_truth_is_what_the_forecast_says(int batch, bool measured)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(batch);
        var shape = scene.Model.Input;
        var leaves = new DeadLeaves { Shape = shape };
        var attack = measured ? new GaussNewton { Public = leaves, PublicCount = 120 } : new GaussNewton();
        var believed = attack.ImageModel(shape, attack.Public?.Open());
        var problem = new PosteriorProblem(scene.Context, believed, new(0, false), scene.Targets, null, separable: true);
        var point = problem.At(believed.Explain(scene.Images).view(-1));
        Assert.InRange(point.Residual.abs().max().ToDouble(), 0, 1e-9);
        var units = eye(problem.Unknowns, dtype: ScalarType.Float64);
        var curvature = stack([.. Enumerable.Range(0, (int)problem.Unknowns).Select(i => point.Curve(Noise, units[i]))]);
        var roots = believed.Synthesize(units).view(problem.Unknowns, problem.Unknowns);
        var left = linalg.solve(curvature, roots).mul_(roots).sum().ToDouble() / problem.Unknowns;
        GaussianImages forecast = measured ? PublicImages.Fit(leaves.Open(), 120) : new Photographs(shape);
        Probed.Close(-10 * Math.Log10(left), scene.Measure(forecast).At(Noise).Images.Low);
    }
}
