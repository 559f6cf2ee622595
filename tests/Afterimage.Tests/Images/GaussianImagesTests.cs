using Afterimage.Data;
using Afterimage.Images;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;
using static Afterimage.Tests.Leakage.Probed;

namespace Afterimage.Tests.Images;

public class GaussianImagesTests
{
    private static readonly ImageShape Shape = new(3, 8, 10);

    public static TheoryData<string, int> Kinds => new(
        from kind in new[] { "white", "photographs", "spectrum", "covariance" } from channels in new[] { 1, 2, 3 } select (kind, channels));

    [Theory, MemberData(nameof(Kinds))]
    public void Everything_it_says_follows_from_its_root(string kind, int channels)
    {
        using var scope = NewDisposeScope();
        var model = Open(kind, channels);
        var count = model.Shape.Count;
        var (z, u) = (Normal(1, 2, count), Normal(2, 2, channels, 8, 10));
        Close((model.Synthesize(z) * u).sum().ToDouble(), (model.Analyze(u) * z).sum().ToDouble(), 1e-12);
        Assert.True((model.Explain(model.Synthesize(z) + model.Mean) - z).abs().max().ToDouble() < 1e-9);
        var root = model.Synthesize(eye(count, dtype: ScalarType.Float64)).view(count, count);
        Assert.True(allclose(root.square().sum([1]).sqrt(), model.Deviations));
        var covariance = root.t().matmul(root);
        Assert.True(allclose(covariance, Covariance(model, 1)));
        Assert.True(allclose(covariance.diagonal(), model.Variance.view(-1)));
        Assert.True(allclose(linalg.eigvalsh(covariance).flip(0), tensor(model.Eigenvalues.ToArray())));
        Close(linalg.inv(covariance).trace().ToDouble(), model.Information, 1e-8);
        var eigenvalues = linalg.eigvalsh(block_diag(covariance, covariance, covariance)).data<double>().ToArray();
        Close(eigenvalues.Sum(), model.Unmeasured(3, 0), 1e-9);
        Close(eigenvalues.SkipLast(100).Sum(), model.Unmeasured(3, 100), 1e-9);
        Assert.Equal(0, model.Unmeasured(3, 3 * count));
    }

    [Fact]
    public void Photographs_vary_as_coefficients_and_colors_taken_one_by_one_say()
    {
        using var scope = NewDisposeScope();
        var covariance = Covariance(new Photographs(Shape), 1);
        double Cosine(int k, int n, int size) => Math.Sqrt((k == 0 ? 1 : 2) / (double)size) * Math.Cos(Math.PI * k * (n + 0.5) / size);
        double Power(int k, int l) => 1 / (k * k / 64.0 + l * l / 100.0 + 1 / 100.0);
        var total = (from k in Enumerable.Range(0, 8) from l in Enumerable.Range(0, 10) select Power(k, l)).Sum();
        // Brightness, red against blue, green against both.
        double[][] colors = [[1 / Math.Sqrt(3), 1 / Math.Sqrt(3), 1 / Math.Sqrt(3)], [1 / Math.Sqrt(2), 0, -1 / Math.Sqrt(2)],
            [1 / Math.Sqrt(6), -2 / Math.Sqrt(6), 1 / Math.Sqrt(6)]];
        double[] shares = [0.925, 0.06, 0.015];
        foreach (var (c, y, x, d, v, w) in new[] { (0, 2, 3, 0, 2, 3), (0, 2, 3, 1, 2, 4), (2, 0, 0, 1, 5, 7), (1, 4, 6, 0, 1, 6) })
        {
            var expected = (from k in Enumerable.Range(0, 8)
                            from l in Enumerable.Range(0, 10)
                            from i in Enumerable.Range(0, 3)
                            let variance = 3 * shares[i] * 0.06 * 80 * Power(k, l) / total + 1e-6
                            select variance * colors[i][c] * colors[i][d] * Cosine(k, y, 8) * Cosine(k, v, 8) * Cosine(l, x, 10) * Cosine(l, w, 10)).Sum();
            Close(expected, covariance[c * 80 + y * 10 + x, d * 80 + v * 10 + w].ToDouble(), 1e-14);
        }
    }

    [Fact]
    public void Photographs_have_neighbors_and_channels_alike()
    {
        using var scope = NewDisposeScope();
        var covariance = Covariance(new Photographs(Shape), 1);
        long At(long channel, long row, long column) => channel * 80 + row * 10 + column;
        double Between(long one, long other) => (covariance[one, other] / (covariance[one, one] * covariance[other, other]).sqrt()).ToDouble();
        Assert.InRange(Between(At(0, 3, 3), At(1, 3, 3)), 0.85, 0.95);
        Assert.InRange(Between(At(0, 3, 3), At(0, 3, 4)), 0.5, 0.99);
        Assert.True(Between(At(0, 3, 3), At(0, 3, 4)) > Between(At(0, 3, 3), At(0, 3, 6)));
        Close(0.06, covariance.diagonal().mean().ToDouble(), 2e-6);
    }

    [Fact]
    public void Few_public_images_give_the_covariance_of_the_channels_at_every_frequency()
    {
        using var scope = NewDisposeScope();
        var images = Leaves(20);
        var model = PublicImages.Fit(images);
        Assert.IsType<PublicSpectrum>(model);
        Assert.True(allclose(images.mean([0], keepdim: true), model.Mean));
        Close((images - images.mean([0])).square().mean().ToDouble(), model.Variance.mean().ToDouble(), 2e-6);
    }

    [Fact]
    public void Many_public_images_give_the_covariance_of_all_pairs_of_pixels()
    {
        using var scope = NewDisposeScope();
        var images = Leaves(150);
        var centered = (images - images.mean([0])).view(150, -1);
        var model = PublicImages.Fit(images);
        Assert.IsType<PublicCovariance>(model);
        var expected = (centered.t().matmul(centered) + 100 * Covariance(new PublicSpectrum(Shape, images), 1)) / 250;
        Assert.True((Covariance(model, 1) - expected).abs().max().ToDouble() < 1e-12);
    }

    [Fact]
    public void A_set_is_read_from_its_beginning()
    {
        using var scope = NewDisposeScope();
        var set = new DeadLeaves { Shape = Shape }.Open();
        var model = PublicImages.Fit(set, 150);
        Assert.Equal("150 public images", model.Name);
        Assert.True(Covariance(model, 1).equal(Covariance(PublicImages.Fit(Leaves(150)), 1)).all().ToBoolean());
    }

    [Fact]
    public void One_image_has_no_covariance() => Refusal.Says("two public images", () => PublicImages.Fit(zeros(1, 1, 4, 4)));

    [Fact]
    public void A_model_lives_in_the_scope_in_which_it_was_made()
    {
        using var images = Leaves(150).DetachFromDisposeScope();
        var before = Live.Tensors;
        using (NewDisposeScope())
            _ = (PublicImages.Fit(images).Information, new Photographs(Shape).Information, new WhiteImages(Shape, 0.1).Information);
        Assert.Equal(before, Live.Tensors);
    }

    private static GaussianImages Open(string kind, int channels)
    {
        var shape = Shape with { Channels = channels };
        Tensor Drawn(int count) => 0.25 * Normal(3, count, channels, 1, 1) + 0.1 * Normal(4, count, channels, 8, 10) + 0.5;
        return kind switch
        {
            "white" => new WhiteImages(shape, 0.07),
            "photographs" => new Photographs(shape),
            "spectrum" => PublicImages.Fit(Drawn(shape.Count / 2 - 1)),
            _ => PublicImages.Fit(Drawn(shape.Count / 2)),
        };
    }

    private static Tensor Leaves(int count)
    {
        var set = new DeadLeaves { Shape = Shape }.Open();
        return stack([.. Enumerable.Range(0, count).Select(i => tensor(set[i].Pixels).view(3, 8, 10))]).to(ScalarType.Float64);
    }

    private static Tensor Normal(ulong seed, params long[] shape)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return randn(shape, ScalarType.Float64, CPU, generator: generator);
    }
}
