using Afterimage.Attacks;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class PosteriorSamplingTests
{
    private static PosteriorSampling Attack(TemporaryFolder folder)
    {
        using var scope = NewDisposeScope();
        var settings = new DiffusionShape { Side = 16, Width = 8 };
        var path = folder["diffusion.safetensors"];
        GeneratorFile.Write(path, settings, DiffusionModel.Untrained(settings, new RandomSource(1)).Flat);
        return new() { Labels = new Given(), Diffusion = path, Steps = 30, LargestSigma = 1, Restarts = 1 };
    }

    [Fact]
    public void The_pull_brings_samples_nearer_to_the_update()
    {
        using var folder = new TemporaryFolder();
        using var scene = new Scene(new LeNet());
        var attack = Attack(folder);
        using var pulled = attack.Run(scene.Context);
        using var free = (attack with { Strength = 0 }).Run(scene.Context);
        Assert.Equal(scene.Images.shape, pulled.Images.shape);
        Assert.True(pulled.Objective < 0.7 * free.Objective, $"{pulled.Objective} against {free.Objective}");
        Assert.InRange(pulled.RelativeMisfit, 0, free.RelativeMisfit);
    }

    [Fact]
    public void One_seed_gives_the_same_images_and_fresh_noise_gives_others()
    {
        using var folder = new TemporaryFolder();
        using var scene = new Scene(new LeNet());
        var attack = Attack(folder);
        using var first = attack.Run(scene.Context);
        using var again = attack.Run(scene.Context);
        using var other = (attack with { Fresh = 0 }).Run(scene.Context);
        Assert.True(first.Images.equal(again.Images).all().ToBoolean());
        Assert.False(first.Images.equal(other.Images).all().ToBoolean());
    }
}
