using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Leakage;

/// <summary>Forecasts and bounds against their closed forms, and against estimators that were really run.</summary>
[Trait("Category", "slow")]
public class ForecastLaws
{
    private const double Noise = 1e-2;

    [Theory]
    [InlineData(1, NoiseScale.Layer)]
    [InlineData(3, NoiseScale.Whole)]
    public void Forecasts_bounds_and_map_equal_their_closed_forms(int batch, NoiseScale scale)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Linear(batch);
        var prior = new Photographs(scene.Model.Input);
        var found = scene.Measure(prior, scale, new() { Noise = Noise });
        var point = found.At(Noise);
        var (jacobian, covariance) = (Probed.Jacobian(scene, scale), Probed.Covariance(prior, batch));
        var unknowns = covariance.shape[0];
        var variance = covariance.trace().ToDouble() / unknowns;
        var posterior = Probed.Posterior(jacobian, covariance, Noise);
        var plain = Probed.Posterior(jacobian, eye(unknowns, dtype: ScalarType.Float64) * variance, Noise);
        Probed.Close(Probed.Decibels(posterior), point.Images.Low);
        Probed.Close(Probed.Decibels(plain), point.White.High);
        Assert.Equal(point.Images.Low, point.Images.High);
        Probed.Close(unknowns - plain.trace().ToDouble() / variance, point.Directions.Low);
        var map = (posterior.diagonal() / covariance.diagonal()).data<double>().ToArray();
        Assert.Equal(map.Length, found.Map.Sum(image => image.Count));
        foreach (var (expected, actual) in map.Zip(found.Map.SelectMany(image => image)))
            Probed.Close(expected, actual);
        var spread = Math.Sqrt(2 * posterior.square().sum().ToDouble()) / posterior.trace().ToDouble();
        Assert.InRange(found.Spread!.Value / spread, 0.8, 1.25);
        foreach (var (image, decibels) in found.Images.Index())
            Probed.Close(-10 * Math.Log10(posterior.diagonal().narrow(0, image * 48, 48).mean().ToDouble()), decibels.Low);

        var information = jacobian.t().matmul(jacobian) / (Noise * Noise);
        var trace = information.trace().ToDouble();
        Probed.Close(-10 * Math.Log10(unknowns / trace), point.Ceilings.FisherTrace);
        Probed.Close(-10 * Math.Log10(unknowns / (trace + linalg.inv(covariance).trace().ToDouble())), point.Ceilings.VanTrees);
        Probed.Close(linalg.svdvals(jacobian)[0].ToDouble() / Noise, point.Ceilings.InformationLoss);
        if (found.Rank == found.Unknowns)
            Probed.Close(Probed.Decibels(linalg.inv(information)), point.Ceilings.Unbiased!.Value);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void No_forecast_passes_a_ceiling(int batch)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(batch);
        var prior = new Photographs(scene.Model.Input);
        foreach (var scale in Enum.GetValues<NoiseScale>())
        {
            var found = scene.Measure(prior, scale);
            foreach (var point in found.Points)
            {
                Assert.True(point.Images.High <= point.Ceilings.VanTrees + 1e-9);
                Assert.True((point.Ceilings.Unbiased ?? double.NegativeInfinity) <= point.Ceilings.FisherTrace + 1e-9);
                Assert.True((point.Ceilings.Unbiased ?? double.NegativeInfinity) <= point.Ceilings.Influence + 1e-9);
            }
            Assert.All(found.Points.Zip(found.Points.Skip(1)), pair =>
            {
                Assert.True(pair.First.Noise > pair.Second.Noise);
                Assert.True(pair.First.Images.Low <= pair.Second.Images.Low);
                Assert.True(pair.First.Directions.Low <= pair.Second.Directions.Low);
            });
        }
    }

    [Fact]
    public void The_best_linear_estimator_reaches_its_forecast()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(1);
        var prior = new Photographs(scene.Model.Input);
        var (jacobian, covariance) = (Probed.Jacobian(scene, NoiseScale.Layer), Probed.Covariance(prior, 1));
        var posterior = Probed.Posterior(jacobian, covariance, Noise);
        // Many images of the prior at once, each with noise of its own, through the linear map.
        var draws = 400L;
        var images = prior.Synthesize(scene.Normal("images", draws, 3, 8, 8)).view(draws, -1);
        var seen = images.matmul(jacobian.t()) + Noise * scene.Normal("noise", draws, jacobian.shape[0]);
        var estimates = (seen / (Noise * Noise)).matmul(jacobian).matmul(posterior);
        var reached = -10 * Math.Log10((estimates - images).square().mean().ToDouble());
        Assert.InRange(scene.Measure(prior, probe: new() { Noise = Noise }).At(Noise).Images.Low, reached - 0.2, reached + 0.2);
    }

    [Theory]
    [InlineData(NoiseScale.Layer)]
    [InlineData(NoiseScale.Whole)]
    public void Lanczos_brackets_the_exact_forecast(NoiseScale scale)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(2);
        var prior = new Photographs(scene.Model.Input);
        var exact = scene.Measure(prior, scale);
        var bracketed = scene.Measure(prior, scale, new() { Unknowns = 1, Steps = 60, Probes = 24 });
        Assert.Null(bracketed.Rank);
        Probed.Close(exact.Singular[0], bracketed.Singular[0]);
        // The random starts leave a statistical error of a fraction of a decibel.
        foreach (var (known, found) in exact.Points.Zip(bracketed.Points))
        {
            Assert.InRange(known.Images.Low, found.Images.Low - 0.7, found.Images.High + 0.7);
            Assert.InRange(known.White.Low, found.White.Low - 0.7, found.White.High + 0.7);
        }
        var loud = bracketed.At(0.1);
        Assert.InRange(loud.Images.High - loud.Images.Low, 0, 0.01);
        // The map is what the steps resolve at least.
        Assert.All(exact.Map.SelectMany(image => image).Zip(bracketed.Map.SelectMany(image => image)),
            pair => Assert.True(pair.Second >= pair.First - 1e-9));
    }

    /// <summary>The steps alone may leave nearly all of an image open where the spectrum says more.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_forecast_of_an_image_does_not_contradict_that_of_its_batch(int batch)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(batch);
        var found = scene.Measure(new Photographs(scene.Model.Input), probe: new() { Unknowns = 1, Steps = 24, Probes = 4, Noise = 1e-3 });
        var whole = found.At(1e-3).Images;
        Assert.True(whole.High - whole.Low > 0.1);
        Assert.All(found.Images, image => Assert.InRange(image.Low, whole.Low - 10 * Math.Log10(batch) - 1e-9, image.High));
        if (batch == 1)
            Probed.Close(whole.High, found.Images[0].High);
    }

    [Fact]
    public void A_run_that_exhausts_the_space_is_exact()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Linear(1);
        var prior = new WhiteImages(scene.Model.Input, 0.05);
        var exact = scene.Measure(prior);
        var found = scene.Measure(prior, probe: new() { Unknowns = 1, Steps = 48, Probes = 1 });
        Assert.InRange(exact.At(1e-3).White.Low, found.At(1e-3).White.Low - 2, found.At(1e-3).White.High + 2);
        Assert.InRange(found.At(1e-3).White.High - found.At(1e-3).White.Low, 0, 1e-6);
    }

    [Fact]
    public void An_update_tells_no_more_directions_than_it_has_numbers()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Linear(6);
        var prior = new Photographs(scene.Model.Input);
        var bracketed = scene.Measure(prior, probe: new() { Unknowns = 1, Steps = 4, Probes = 1 });
        Assert.Equal(245, bracketed.Equations);
        foreach (var (known, found) in scene.Measure(prior).Points.Zip(bracketed.Points))
        {
            Assert.InRange(found.Directions.High, found.Directions.Low, 245 + 1e-9);
            Assert.True(known.Images.Low <= -10 * Math.Log10(prior.Unmeasured(6, 245) / 288));
            Assert.True(found.Images.High <= -10 * Math.Log10(prior.Unmeasured(6, 245) / 288) + 1e-9);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(1);
        var prior = new Photographs(scene.Model.Input);
        Assert.Equal(scene.Measure(prior), scene.Measure(prior));
        var lanczos = new LeakageProbe { Unknowns = 1, Steps = 20, Probes = 2 };
        Assert.Equal(scene.Measure(prior, probe: lanczos), scene.Measure(prior, probe: lanczos));
    }

    [Fact]
    public void Nothing_stays_alive()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Linear(2);
        var prior = new Photographs(scene.Model.Input);
        var before = Live.Tensors;
        scene.Measure(prior);
        scene.Measure(prior, probe: new() { Unknowns = 1, Steps = 10, Probes = 2 });
        Assert.Equal(before, Live.Tensors);
    }

    [Fact]
    public void Settings_without_meaning_are_refused()
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Linear(1);
        var prior = new WhiteImages(scene.Model.Input, 0.05);
        Refusal.Says("/noise is 0", () => scene.Measure(prior, probe: new() { Noise = 0 }));
        Refusal.Says("/steps is 1", () => scene.Measure(prior, probe: new() { Steps = 1 }));
    }
}
