using Afterimage.Leakage;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Leakage;

public class GaussianImagesTests
{
    private static readonly ImageShape Shape = new(3, 6, 8);

    public static TheoryData<string> Kinds => ["white", "law", "public"];

    [Theory, MemberData(nameof(Kinds))]
    public void Root_and_its_transpose_are_adjoint_and_tell_variance_and_information(string kind)
    {
        using var scope = NewDisposeScope();
        using var prior = Open(kind);
        using var generator = new RandomSource(3).Generator(CPU);
        var (u, v) = (randn([2, 3, 6, 8], ScalarType.Float64, CPU, generator: generator), randn([2, 3, 6, 8], ScalarType.Float64, CPU, generator: generator));
        Probed.Close((prior.Root(u) * v).sum().ToDouble(), (prior.RootTransposed(v) * u).sum().ToDouble(), 1e-12);
        var covariance = Probed.Covariance(prior, 1);
        Assert.True(allclose(covariance.diagonal(), prior.Variance.view(-1)));
        Probed.Close(linalg.inv(covariance).trace().ToDouble(), prior.Information, 1e-8);
        var eigenvalues = linalg.eigvalsh(block_diag(covariance, covariance, covariance)).data<double>().ToArray();
        Probed.Close(eigenvalues.Sum(), prior.Unmeasured(3, 0), 1e-9);
        Probed.Close(eigenvalues.SkipLast(100).Sum(), prior.Unmeasured(3, 100), 1e-9);
        Assert.Equal(0, prior.Unmeasured(3, 3 * Shape.Count));
    }

    [Fact]
    public void The_power_law_makes_neighbors_and_channels_alike()
    {
        using var scope = NewDisposeScope();
        using var prior = Open("law");
        var covariance = Probed.Covariance(prior, 1);
        var at = (long channel, long row, long column) => channel * 48 + row * 8 + column;
        double Between(long one, long other) =>
            (covariance[one, other] / (covariance[one, one] * covariance[other, other]).sqrt()).ToDouble();
        Assert.InRange(Between(at(0, 3, 3), at(1, 3, 3)), 0.899, 0.901);
        Assert.InRange(Between(at(0, 3, 3), at(0, 3, 4)), 0.6, 0.99);
        Assert.True(Between(at(0, 3, 3), at(0, 3, 4)) > Between(at(0, 3, 3), at(0, 3, 6)));
        Probed.Close(0.0625, covariance.diagonal().mean().ToDouble());
    }

    [Fact]
    public void Many_public_images_outweigh_the_power_law()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        using var prior = new PublicImages(new(1, 4, 4), 0.1 * randn([20_000, 1, 4, 4], ScalarType.Float64, CPU, generator: generator));
        var covariance = Probed.Covariance(prior, 1);
        Assert.InRange((covariance - 0.01 * eye(16, dtype: ScalarType.Float64)).abs().max().ToDouble(), 0, 1.5e-3);
    }

    [Fact]
    public void A_covariance_that_cannot_be_is_refused()
    {
        Refusal.Says("power-law", () => new PublicImages(new(3, 64, 64), zeros(2, 3, 64, 64)));
        Refusal.Says("two public images", () => new PublicImages(new(1, 4, 4), zeros(1, 1, 4, 4)));
    }

    private static GaussianImages Open(string kind)
    {
        using var generator = new RandomSource(5).Generator(CPU);
        return kind switch
        {
            "white" => new WhiteImages(Shape, 0.07),
            "law" => new PowerLawImages(Shape),
            _ => new PublicImages(Shape, rand([40, 3, 6, 8], ScalarType.Float64, CPU, generator: generator)),
        };
    }
}
