using Afterimage.Networks;
using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

public class TrainCommandTests
{
    private static readonly string[] Tiny =
        ["--width", "12", "--depth", "2", "--batch", "2", "--patch", "8", "--images", "8", "--every", "2"];

    [Fact]
    public void A_denoiser_is_trained_and_measured()
    {
        using var folder = new TemporaryFolder();
        var file = folder["mine.safetensors"];
        var run = Commanded.Run(["train", "denoiser", .. Tiny, "--steps", "4", "--out", file]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("step 4: loss", run.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(file));
        Assert.False(File.Exists(folder["mine.state.safetensors"]));
        var measured = Commanded.Run("train", "denoiser", "--evaluate", file, "--data", "dead-leaves", "--count", "4");
        Assert.Equal((0, ""), (measured.Code, measured.Error));
        Assert.Contains("mine", measured.Output, StringComparison.Ordinal);
        Assert.Equal(3, measured.Output.Split('\n').Count(line => line.Contains("dead-leaves", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("/steps is 0: give a number from 1 to", "--steps", "0")]
    [InlineData("should end in .safetensors", "--out", "mine.npz")]
    [InlineData("There is no interrupted training to resume", "--resume", "--out", "nowhere.safetensors")]
    [InlineData("nowhere.safetensors does not exist", "--evaluate", "nowhere.safetensors")]
    [InlineData("There is no data set \"imagenet\"", "--evaluate", "--data", "imagenet")]
    [InlineData("--count needs", "--evaluate", "--count", "0")]
    [InlineData("--threads needs", "--threads", "0")]
    public void Bad_input_is_one_sentence(string expected, params string[] line)
    {
        var run = Commanded.Run(["train", "denoiser", .. line]);
        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_exists_is_not_overwritten()
    {
        using var folder = new TemporaryFolder();
        var run = Commanded.Run(["train", "denoiser", .. Tiny, "--out", folder.Write("mine.safetensors", "mine")]);
        Assert.Equal(1, run.Code);
        Assert.Contains("mine.safetensors exists already", run.Error, StringComparison.Ordinal);
    }

    private static readonly string[] Small = ["--side", "8", "--width", "8", "--latent", "4", "--batch", "4", "--every", "2"];

    [Theory]
    [InlineData("style")]
    [InlineData("vae")]
    [InlineData("diffusion")]
    public void A_generator_is_trained_shown_and_measured(string kind)
    {
        using var folder = new TemporaryFolder();
        var (file, photographs) = (folder["mine.safetensors"], Directory.CreateDirectory(folder["photographs"]).FullName);
        for (var i = 0; i < 24; i++)
            File.WriteAllBytes(Path.Combine(photographs, $"{i}.png"),
                Png.Gray(8, 8, [.. Enumerable.Range(0, 64).Select(j => (byte)(i * j))]));
        var run = Commanded.Run(["train", "generator", .. Small, "--data", photographs, "--kind", kind, "--steps", "4", "--out", file]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("step 4: loss", run.Output, StringComparison.Ordinal);
        Assert.Contains("random-feature Fréchet distance of 24 images: ", run.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["mine.state.safetensors"]));
        Assert.Equal(0x89, File.ReadAllBytes(folder["mine.png"])[0]);
        if (kind == "diffusion")
            DiffusionModel.Load(file).Dispose();
        else
            Generator.Load(file).Dispose();
    }

    [Theory]
    [InlineData("/side is 33: give one of 8, 16, 32, 64", "--side", "33")]
    [InlineData("/minutes is 0: give a number above 0", "--minutes", "0")]
    [InlineData("should end in .safetensors", "--out", "mine.npz")]
    [InlineData("There is no interrupted training to resume", "--resume", "--out", "nowhere.safetensors")]
    [InlineData("There is no data set \"imagenet\"", "--data", "imagenet", "--out", "nowhere.safetensors")]
    public void Bad_input_of_a_generator_is_one_sentence(string expected, params string[] line)
    {
        var run = Commanded.Run(["train", "generator", .. line]);
        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    private static readonly string[] Little = ["--channels", "1", "--side", "8", "--size", "64", "--hidden", "16", "--width", "4",
        "--images", "4", "--every", "2", "--classes", "4"];

    [Theory]
    [InlineData("mlp", "none")]
    [InlineData("convolutional", "sign")]
    [InlineData("layered", "{\"kind\":\"top-k\",\"share\":0.1}")]
    public void An_inverter_is_trained_shown_and_measured(string kind, string defense)
    {
        using var folder = new TemporaryFolder();
        var (file, photographs) = (folder["mine.safetensors"], Directory.CreateDirectory(folder["photographs"]).FullName);
        for (var i = 0; i < 48; i++)
            File.WriteAllBytes(Path.Combine(photographs, $"{i}.png"),
                Png.Gray(8, 8, [.. Enumerable.Range(0, 64).Select(j => (byte)(i * j))]));
        var run = Commanded.Run(["train", "inverter", .. Little, "--data", photographs, "--model", "mlp", "--kind", kind,
            "--defense", defense, "--batch", "2", "--steps", "4", "--out", file]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("step 4: loss", run.Output, StringComparison.Ordinal);
        Assert.Contains("held-out batches of 2: ", run.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["mine.state.safetensors"]));
        Assert.Equal(0x89, File.ReadAllBytes(folder["mine.png"])[0]);
        using var inverter = Inverter.Load(file);
        Assert.Equal((2, 8, 64), (inverter.Shape.Batch, inverter.Shape.Side, inverter.Shape.Size));
    }

    [Theory]
    [InlineData("/batch is 9: give a number from 1 to 8", "--batch", "9")]
    [InlineData("There is no defense \"prayer\"; there are none, ", "--defense", "prayer")]
    [InlineData("/share is 2: give a number above 0", "--defense", "{\"kind\":\"top-k\",\"share\":2}", "--steps", "1")]
    [InlineData("There is no model \"alexnet\"", "--model", "alexnet", "--out", "nowhere.safetensors")]
    [InlineData("--channels needs 1 or 3, not 2", "--channels", "2")]
    [InlineData("--side needs a number from 4 to 256, not 3", "--side", "3")]
    [InlineData("--classes needs", "--classes", "0", "--out", "nowhere.safetensors")]
    [InlineData("should end in .safetensors", "--out", "mine.npz")]
    [InlineData("There is no interrupted training to resume", "--resume", "--out", "nowhere.safetensors")]
    public void Bad_input_of_an_inverter_is_one_sentence(string expected, params string[] line)
    {
        var run = Commanded.Run(["train", "inverter", .. line]);
        Assert.Equal(1, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }
}
