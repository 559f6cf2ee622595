using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Starts;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class PlugAndPlayTests
{
    private static readonly PlugAndPlay Short = new()
    {
        Start = new Uniform(),
        Fidelity = new Euclidean(),
        Solver = new FirstOrder { Sign = GradientSign.Hard, LearningRate = 0.02, Iterations = 40, Schedule = Schedule.Cosine },
    };

    [Fact]
    public void Without_weight_it_is_gradient_matching()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float32, batch: 1);
        var last = zeros_like(scene.Images);
        var matching = new GradientMatching
        {
            Start = Short.Start,
            Space = Short.Space,
            Fidelity = Short.Fidelity,
            Solver = Short.Solver,
            Tolerance = 0,
        };
        using var matched = matching.Run(scene.Context, iterate => last.copy_(iterate.Images()));
        using var found = (Short with { Weight = 0 }).Run(scene.Context);
        Assert.True(found.Images.equal(last).all().ToBoolean());
        Assert.Equal((40, 40), (found.Iterations, found.Evaluations));
    }

    [Fact]
    public void A_strong_coupling_follows_the_denoiser()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth(ScalarType.Float32, batch: 1);
        double Roughness(double weight)
        {
            using var found = (Short with { Weight = weight, Start = new Uniform(), LastSigma = 30 }).Run(scene.Context);
            return found.Images.diff(dim: 3).abs().mean().ToDouble();
        }
        Assert.True(Roughness(1e6) < 0.7 * Roughness(0), $"{Roughness(1e6)} against {Roughness(0)}");
    }

    [Fact]
    public void The_noise_level_falls_geometrically()
    {
        var attack = Short with { FirstSigma = 51, LastSigma = 12.75, Solver = Short.Solver with { Iterations = 101 } };
        Assert.Equal(0.2, attack.Sigma(0), 1e-12);
        Assert.Equal(0.1, attack.Sigma(50), 1e-12);
        Assert.Equal(0.05, attack.Sigma(100), 1e-12);
        Assert.Equal(0.05, attack.Sigma(101), 1e-12);
    }

    [Theory]
    [InlineData("every is 0")]
    [InlineData("weight is -1")]
    [InlineData("lastSigma is 0")]
    [InlineData("nowhere.safetensors does not exist")]
    public void Bad_settings_are_refused(string words)
    {
        using var scene = Scene.Smooth(ScalarType.Float32, batch: 1);
        var before = Live.Tensors;
        Refusal.Says(words, () => (words[0] switch
        {
            'e' => Short with { Every = 0 },
            'w' => Short with { Weight = -1 },
            'l' => Short with { LastSigma = 0 },
            _ => Short with { Denoiser = "nowhere.safetensors" },
        }).Run(scene.Context));
        Assert.Equal(before, Live.Tensors);
    }
}
