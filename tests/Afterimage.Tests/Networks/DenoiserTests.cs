using Afterimage.Data;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class DenoiserTests
{
    [Theory]
    [InlineData(6, 8, false)]
    [InlineData(5, 7, true)]
    public void It_is_what_loops_compute(int height, int width, bool residual)
    {
        using var scope = NewDisposeScope();
        var denoiser = Random(new(3, 5, 3, residual));
        var images = Normal(1, 2, 3, height, width) * 0.2 + 0.5;
        var found = denoiser.Apply(images, tensor(new float[] { 0.1f, 0.3f }).view(2, 1, 1, 1));
        Assert.Equal(images.shape, found.shape);
        for (var b = 0; b < 2; b++)
            for (var c = 0; c < 3; c++)
                for (var y = 0; y < height; y++)
                    for (var x = 0; x < width; x++)
                        Assert.Equal(SlowDenoiser.At(denoiser, images[b], b == 0 ? 0.1 : 0.3, c, y, x), found[b, c, y, x].ToDouble(), 1e-4);
    }

    [Fact]
    public void An_untrained_one_changes_nothing()
    {
        using var scope = NewDisposeScope();
        var denoiser = Denoiser.Draw(new(3, 16, 4, Residual: true), new RandomSource(1));
        var images = Normal(2, 2, 3, 8, 8) * 0.1;
        Assert.True((denoiser.Apply(images, 0.1) - images).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void A_color_network_takes_gray_images()
    {
        using var scope = NewDisposeScope();
        var denoiser = Random(new(3, 6, 3));
        var gray = Normal(3, 2, 1, 8, 8);
        var color = denoiser.Apply(gray.expand(2, 3, 8, 8), 0.2);
        Assert.True((denoiser.Apply(gray, 0.2) - color.mean([1], keepdim: true)).abs().max().ToDouble() < 1e-6);
        Refusal.Says("takes images of 3 channels", () => denoiser.Apply(Normal(4, 2, 2, 8, 8), 0.2));
        Refusal.Says("takes images of 3 channels", () => denoiser.Apply(Normal(4, 3, 8, 8), 0.2));
    }

    [Fact]
    public void The_one_that_comes_with_afterimage_denoises_leaves_that_it_never_saw()
    {
        using var scope = NewDisposeScope();
        var denoiser = Denoiser.Shipped();
        var leaves = Leaves(seed: 987654321, 8);
        foreach (var (sigma, gain) in ((double, double)[])[(15, 2.5), (25, 5), (50, 6.5)])
            Assert.InRange(DenoisingQuality.Psnr(denoiser, leaves, sigma), DenoisingQuality.NoisyPsnr(leaves, sigma) + gain, 40);
        Assert.InRange(denoiser.Numbers, 1, 250_000);
    }

    [Fact]
    public void It_comes_within_a_decibel_and_a_half_of_a_network_trained_on_photographs()
    {
        using var scope = NewDisposeScope();
        var photographic = Denoiser.Load(Shared.Path("data", "weights", "ffdnet_color.safetensors"));
        var flowers = Images(new Flowers17 { Folder = Shared.Path("data", "flowers17", "jpg"), Size = new(3, 48, 48) }.Open(), 12);
        var own = Denoiser.Shipped();
        foreach (var sigma in (double[])[15, 25, 50])
            Assert.InRange(DenoisingQuality.Psnr(own, flowers, sigma), DenoisingQuality.Psnr(photographic, flowers, sigma) - 1.5, 40);
    }

    [Fact]
    public void The_published_weights_denoise_as_published()
    {
        using var scope = NewDisposeScope();
        var denoiser = Denoiser.Load(Shared.Path("data", "weights", "ffdnet_color.safetensors"));
        Assert.Equal(new DenoiserShape(3, 96, 12), denoiser.Shape);
        var flowers = Images(new Flowers17 { Folder = Shared.Path("data", "flowers17", "jpg"), Size = new(3, 96, 96) }.Open(), 6);
        Assert.InRange(DenoisingQuality.Psnr(denoiser, flowers, 15), 31, 33.5);
        Assert.InRange(DenoisingQuality.Psnr(denoiser, flowers, 25), 28.2, 30.7);
        Assert.InRange(DenoisingQuality.Psnr(denoiser, flowers, 50), 24.7, 27.2);
    }

    [Fact]
    public void What_is_written_is_read_back_in_half_precision()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var denoiser = Random(new(1, 4, 5));
        denoiser.Save(folder["d.safetensors"]);
        var back = Denoiser.Load(folder["d.safetensors"]);
        Assert.Equal(denoiser.Shape, back.Shape);
        Assert.True((denoiser.Flat - back.Flat).abs().max().ToDouble() < 1e-3);
        Assert.True(back.Flat.equal(denoiser.Flat.to(ScalarType.Float16).to(ScalarType.Float32)).all().ToBoolean());
        Assert.InRange(new FileInfo(folder["d.safetensors"]).Length, 2 * denoiser.Numbers, 2 * denoiser.Numbers + 2000);
    }

    [Fact]
    public void A_file_that_is_none_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        string Write(string name, params NamedArray[] arrays)
        {
            ArrayFile.Write(folder[name], arrays);
            return folder[name];
        }
        NamedArray Zeros(string name, params long[] shape) => NamedArray.Of(name, zeros(shape));
        Refusal.Says("is no denoiser", () => Denoiser.Load(Write("a.safetensors", Zeros("fc.weight", 3, 4))));
        Refusal.Says("is no denoiser", () => Denoiser.Load(Write("b.safetensors",
            Zeros("model.0.weight", 4, 12, 3, 3), Zeros("model.0.bias", 4),
            Zeros("model.2.weight", 12, 4, 3, 3), Zeros("model.2.bias", 12))));
        Refusal.Says("\"model.2.weight\" [12,4,3,3] is missing", () => Denoiser.Load(Write("c.safetensors",
            Zeros("model.0.weight", 4, 13, 3, 3), Zeros("model.0.bias", 4),
            Zeros("model.1.weight", 12, 4, 3, 3), Zeros("model.2.bias", 12))));
        Refusal.Says("does not exist", () => Denoiser.Load(folder["d.safetensors"]));
        Refusal.Says("too few for a safetensors file", () => Denoiser.Load(folder.Write("e.safetensors", "{}")));
    }

    internal static Tensor Leaves(ulong seed, int count, int side = 32) =>
        Images(new DeadLeaves { Shape = new(3, side, side), Count = count, Seed = seed }.Open(), count);

    private static Tensor Images(ImageSet set, int count) => stack([.. Enumerable.Range(0, count)
        .Select(i => tensor(set[i * (set.Count / count)].Pixels, 3, set.Shape.Height, set.Shape.Width))]);

    private static Denoiser Random(DenoiserShape shape) => new(shape, Normal(5, shape.Layout.Count) * 0.3);

    private static Tensor Normal(ulong seed, params long[] shape)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return randn(shape, generator: generator);
    }
}
