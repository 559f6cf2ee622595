using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

[Trait("Category", "slow")]
public class GaussNewtonTests
{
    private static readonly ImageShape Small = new(3, 16, 16);

    [Fact]
    public void One_image_comes_back_to_the_precision_of_the_update()
    {
        using var scope = NewDisposeScope();
        var (context, images) = Round([3]);
        using (context)
        using (var found = new GaussNewton { Restarts = 1 }.Run(context))
        {
            Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
            Assert.True(Psnr(images, found.Images) > 60, $"{Psnr(images, found.Images):F1} dB");
        }
    }

    /// <summary>EfficientNet-B0 at 64 pixels would hold 49 GB of columns, and conjugate gradients alone do without them.</summary>
    [Theory]
    [InlineData(15_826, 3072, 1536, true), InlineData(15_826, 1024, 1536, false)]
    [InlineData(270_000, 6144, 1536, false), InlineData(4_020_358, 12_288, 0, false)]
    public void Columns_of_the_Jacobian_are_held_where_they_fit(long parameters, long unknowns, long leading, bool all) =>
        Assert.Equal((leading, all), new GaussNewton().Held(parameters, unknowns));

    [Fact]
    public void Two_images_of_one_label_come_back_apart()
    {
        using var scope = NewDisposeScope();
        var (context, images) = Round([4, 4]);
        using (context)
        using (var found = new GaussNewton { Restarts = 1, Steps = 14 }.Run(context))
        {
            var psnr = Math.Max(Psnr(images, found.Images), Psnr(images.flip(0), found.Images));
            Assert.Contains(found.Evidence, note => note is HeadFeatures { Residual: not null });
            Assert.True(psnr > 25, $"{psnr:F1} dB");
        }
    }

    [Fact]
    public void The_head_gives_the_features_and_errors_of_images_of_one_label()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(5).Generator(CPU);
        var weight = rand([6, 40], ScalarType.Float64, generator: generator) - 0.5;
        var bias = rand([6], ScalarType.Float64, generator: generator);
        var features = rand([3, 40], ScalarType.Float64, generator: generator);
        var targets = new Labels([2, 2, 2], [1, 1, 1]).Targets(6, ScalarType.Float64, CPU);
        var errors = (features.matmul(weight.t()) + bias).softmax(1) - targets;
        var samples = rand([50, 40], ScalarType.Float64, generator: generator);
        var gradient = errors.t().matmul(features) / 3;
        var found = HeadFactors.Find(gradient, errors.mean([0]), weight, bias, targets, samples, new RandomSource(1));
        Assert.NotNull(found);
        Assert.All(Enumerable.Range(0, 3), i => Assert.True((found.Features - features[i]).square().mean([1]).min().ToDouble() < 1e-8));
        var (one, error) = (samples.narrow(0, 0, 1), errors.narrow(0, 0, 1));
        Assert.True(HeadFactors.Single(error.t().matmul(one), error[0], 1)!.allclose(one, 1e-10, 1e-12));
        Assert.Null(HeadFactors.Single(error.t().matmul(one), error[0], 2));
        Assert.Null(HeadFactors.Single(error.t().matmul(one), zeros_like(error[0]), 1));
        Assert.Null(HeadFactors.Find(gradient, errors.mean([0]), weight, bias, zeros([6, 6], ScalarType.Float64),
            samples, new RandomSource(1)));
    }

    [Fact]
    public void Public_images_of_another_shape_are_refused()
    {
        var (context, _) = Round([1]);
        using (context)
        using (var found = new GaussNewton { Public = new DeadLeaves { Shape = new(3, 8, 8) } }.Run(context))
            Assert.Contains("3x8x8", found.Outcome.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void The_best_method_for_a_smooth_network_is_the_second_order_one_and_it_says_so()
    {
        using var scope = NewDisposeScope();
        var (context, images) = Round([1, 3]);
        using (context)
        using (var found = new Best().Run(context))
        {
            Assert.Contains(found.Evidence, note => note is MethodTried { Method: "Gauss-Newton", Chosen: true });
            Assert.Contains(found.Evidence, note => note is MethodSkipped { Method: "Bias attack" });
            Assert.True(Psnr(images, found.Images) > 60);
        }
    }

    [Fact]
    public void The_best_method_for_a_linear_first_layer_is_the_bias_attack()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny();
        using var found = new Best().Run(scene.Context);
        Assert.Contains(found.Evidence, note => note is MethodTried { Method: "Bias attack", Chosen: true });
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
    }

    private static (AttackContext Context, Tensor Images) Round(int[] labels)
    {
        var model = new LeNet().Open(Small, 10, new RandomSource(11).Derive("model"), ScalarType.Float32, CPU);
        var set = new DeadLeaves { Shape = Small, Seed = 9 }.Open();
        var images = stack([.. labels.Select((_, i) => tensor(set[i].Pixels).view(3, 16, 16))]);
        var targets = new Labels(labels.ToValueList(), labels.Select(_ => 1.0).ToValueList()).Targets(10, ScalarType.Float32, CPU);
        var training = new FedSgd();
        return (new()
        {
            Model = model,
            Random = new RandomSource(2),
            OperatorChoice = OperatorChoice.Compiled,
            Observation = new()
            {
                Update = training.Linearize(model, new(images, targets)).Value,
                Training = training,
                BatchSize = labels.Length,
            },
        }, images);
    }

    private static double Psnr(Tensor truth, Tensor seen) => -10 * Math.Log10((truth - seen).square().mean().ToDouble());
}
