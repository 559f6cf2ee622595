using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Priors;

public class RegularizationByDenoisingTests
{
    [Fact]
    public void Its_gradient_is_the_noise_that_the_denoiser_finds()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet());
        var prior = new RegularizationByDenoising { Sigma = 30 };
        var leaf = scene.Images.clone().requires_grad_();
        var value = prior.Bind(scene.Context)(scene.Trial(leaf));
        var denoised = Denoiser.Shipped().Apply(scene.Images.to(ScalarType.Float32), 30 / 255.0).detach().to(ScalarType.Float64);
        var noise = scene.Images - denoised;
        Assert.True((Differentiate.Gradients(value, [leaf])[0] - noise / noise.numel()).abs().max().ToDouble() < 1e-12);
        Assert.Equal((scene.Images * noise).mean().ToDouble() / 2, value.ToDouble(), 1e-12);
        Assert.True(noise.abs().mean().ToDouble() > 0.01);
    }

    [Fact]
    public void Where_a_denoiser_is_homogeneous_and_symmetric_the_gradient_is_the_derivative_of_the_value()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        // The first layer passes x + 0.5; the last makes x + (2.5 - 5 (x + 0.5)) / 10 of it: D(x) = x/2.
        var denoiser = Denoiser.Draw(new(3, 12, 2, Residual: true), new RandomSource(1));
        for (var i = 0; i < 12; i++)
            denoiser.Parameters[2].detach()[i, i, 1, 1] = -5f;
        denoiser.Parameters[3].detach().fill_(2.5);
        Assert.True((denoiser.Clean(full([1, 3, 4, 4], 0.3f), 0.1) - 0.15).abs().max().ToDouble() < 1e-6);
        denoiser.Save(folder["half.safetensors"]);
        using var scene = new Scene(new LeNet());
        var penalty = new RegularizationByDenoising { Denoiser = folder["half.safetensors"] }.Bind(scene.Context);
        var leaf = scene.Images.clone().requires_grad_();
        var gradient = Differentiate.Gradients(penalty(scene.Trial(leaf)), [leaf])[0];
        Slope.Agrees(images => penalty(scene.Trial(images)).ToDouble(), scene.Images, gradient,
            scene.Normal("direction", scene.Images.shape), tolerance: 1e-4, step: 1e-2);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    [InlineData(256)]
    [InlineData(double.NaN)]
    public void A_noise_level_that_is_none_is_refused(double sigma)
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet());
        Refusal.Says("sigma lies above 0 and up to 255", () => new RegularizationByDenoising { Sigma = sigma }.Bind(scene.Context));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new LeNet());
        Refusal.Says("nowhere.safetensors does not exist",
            () => new RegularizationByDenoising { Denoiser = "nowhere.safetensors" }.Bind(scene.Context));
    }
}
