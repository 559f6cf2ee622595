using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

[Trait("Category", "slow")]
public class DenoiserTrainerTests
{
    private static readonly DenoiserTraining Toy = new()
    {
        Width = 16, Depth = 3, Steps = 60, Batch = 4, Patch = 16, Images = 8, Every = 20, Seed = 3,
    };

    [Fact]
    public void A_toy_learns_to_denoise()
    {
        using var folder = new TemporaryFolder();
        using var trainer = new Trainer(new DenoiserTask(Toy with { Steps = 200, Every = 50 }));
        var looks = new List<TrainingProgress>();
        var untrained = trainer.Validate();
        trainer.Run(folder["state.safetensors"], looks.Add);
        Assert.Equal([50, 100, 150, 200], looks.Select(look => look.Step));
        Assert.True(looks[^1].Loss < 0.9 * looks[0].Loss, $"the loss went from {looks[0].Loss} to {looks[^1].Loss}");
        Assert.True(looks[^1].Best > untrained + 0.3, $"the PSNR went from {untrained} to {looks[^1].Best}");
        Assert.Equal(looks.Max(look => look.Quality), looks[^1].Best);
        trainer.SaveBest(folder["best.safetensors"]);
        using var scope = NewDisposeScope();
        Assert.Equal(new(3, 16, 3, Residual: true), Denoiser.Load(folder["best.safetensors"]).Shape);
    }

    [Fact]
    public void An_interrupted_training_goes_on_to_the_same_numbers()
    {
        using var folder = new TemporaryFolder();
        using var whole = new Trainer(new DenoiserTask(Toy));
        whole.Run(folder["whole.safetensors"]);
        using (var first = new Trainer(new DenoiserTask(Toy)))
        {
            using var stop = new CancellationTokenSource();
            first.Run(folder["state.safetensors"], look => stop.Cancel(), stop.Token);
            Assert.Equal(20, first.Step);
        }
        using var second = new Trainer(new DenoiserTask(Toy));
        second.Restore(folder["state.safetensors"]);
        Assert.Equal(20, second.Step);
        second.Run(folder["state.safetensors"]);
        Assert.True(second.Finished);
        Assert.Equal(File.ReadAllBytes(folder["whole.safetensors"]), File.ReadAllBytes(folder["state.safetensors"]));
    }

    [Fact]
    public void A_state_of_other_settings_or_a_damaged_one_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var trainer = new Trainer(new DenoiserTask(Toy));
        trainer.Save(folder["state.safetensors"]);
        using var other = new Trainer(new DenoiserTask(Toy with { Seed = 4 }));
        Refusal.Says("belongs to a training with other settings", () => other.Restore(folder["state.safetensors"]));
        using var scope = NewDisposeScope();
        Denoiser.Shipped().Save(folder["denoiser.safetensors"]);
        Refusal.Says("has no array \"settings\"", () => trainer.Restore(folder["denoiser.safetensors"]));
    }

    [Theory]
    [InlineData("/width is 4: give a number from 12 to 1,024")]
    [InlineData("/depth is 1")]
    [InlineData("even side, not 15")]
    [InlineData("/learningRate is NaN")]
    [InlineData("/largestSigma is 256")]
    public void Settings_out_of_range_are_named(string words) => Refusal.Says(words, () => new DenoiserTask(words[1] switch
    {
        'w' => Toy with { Width = 4 },
        'd' => Toy with { Depth = 1 },
        'v' => Toy with { Patch = 15 },
        'l' when words.StartsWith("/learning", StringComparison.Ordinal) => Toy with { LearningRate = double.NaN },
        _ => Toy with { LargestSigma = 256 },
    }));

    [Fact]
    public void Training_gives_its_tensors_back()
    {
        using var folder = new TemporaryFolder();
        var before = Live.Tensors;
        using (var trainer = new Trainer(new DenoiserTask(Toy with { Steps = 4, Every = 2 })))
        {
            var counts = new List<long>();
            trainer.Run(folder["state.safetensors"], _ => counts.Add(Live.Tensors));
            Assert.Single(counts.Distinct());
            trainer.Restore(folder["state.safetensors"]);
        }
        Assert.Equal(before, Live.Tensors);
    }

    [Fact]
    public void Patches_are_images_and_a_seed_means_the_same_ones()
    {
        using var scope = NewDisposeScope();
        using var patches = new ProceduralPatches(8, 16, new RandomSource(1));
        var drawn = patches.Draw(32, new RandomSource(2));
        Assert.Equal([32L, 3, 16, 16], drawn.shape);
        Assert.InRange(drawn.min().ToDouble(), 0, 1);
        Assert.InRange(drawn.max().ToDouble(), 0, 1);
        Assert.InRange(drawn.mean().ToDouble(), 0.3, 0.7);
        Assert.True(drawn.std([1, 2, 3], unbiased: true).min().ToDouble() > 0);
        Assert.True(drawn.equal(patches.Draw(32, new RandomSource(2))).all().ToBoolean());
        Assert.False(drawn.equal(patches.Draw(32, new RandomSource(3))).all().ToBoolean());
    }
}
