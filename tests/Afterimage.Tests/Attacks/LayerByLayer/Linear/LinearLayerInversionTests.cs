using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class LinearLayerInversionTests
{
    private static readonly ImageShape Small = new(3, 16, 16);

    [Theory]
    [InlineData(ActivationKind.ReLU), InlineData(ActivationKind.Sigmoid), InlineData(ActivationKind.Gelu)]
    public void A_single_image_is_exact_behind_any_activation(ActivationKind activation)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 64, Activation = activation }, Small, [7]);
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Equal([7], found.Labels.Classes);
        Assert.InRange(client.Judge(found).Psnr[0], 110, double.PositiveInfinity);
        Assert.InRange(found.RelativeMisfit, 0, 1e-5);
    }

    [Fact]
    public void A_PyTorch_client_with_one_image_is_read_exactly()
    {
        using var scope = NewDisposeScope();
        var client = Recorded.PyTorch("mlp4-b1");
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 100, double.PositiveInfinity);
        Assert.Equal(client.Labels, found.Labels.Classes);
    }

    [Fact]
    public void A_photograph_of_64_pixels_is_read_exactly()
    {
        var folder = Shared.Path("data", "flowers17");
        using var scope = NewDisposeScope();
        var random = new RandomSource(3);
        var model = new Mlp().Open(new(3, 64, 64), 17, random, ScalarType.Float32, CPU);
        var image = new Flowers17 { Folder = folder }.Open()[500];
        var client = Simulated.Of(model, tensor(image.Pixels).view(1, 3, 64, 64), [image.Label], new FedSgd(), random);
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 100, double.PositiveInfinity);
    }

    [Fact]
    public void The_weighted_ratio_is_the_ratio_of_each_row()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 32 }, new(1, 8, 8), [2], type: ScalarType.Float64);
        using var found = new LinearLayerInversion().Run(client.Context);
        var (weight, bias) = (client.Context.Observation.Update[0], client.Context.Observation.Update[1]);
        var pixels = found.Images.to(ScalarType.Float64).view(-1);
        for (var row = 0; row < 32; row++)
            if (bias[row].ToDouble() != 0)
                Assert.InRange((weight[row] / bias[row] - pixels).abs().max().ToDouble(), 0, 1e-6);
    }

    [Fact]
    public void One_local_step_is_a_gradient()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 64 }, Small, [4], new FedAvg { LearningRate = 0.1 }, ScalarType.Float64);
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 110, double.PositiveInfinity);
    }

    [Theory]
    [InlineData(ActivationKind.LeakyReLU), InlineData(ActivationKind.ReLU), InlineData(ActivationKind.Tanh)]
    public void Without_any_bias_an_image_is_read_from_the_head_down(ActivationKind activation)
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(1, 8, 8), 10, [new Flatten(), new Linear("a", 64, 40, Bias: false), new Activation(activation, 0.2),
            new Linear("b", 40, 30, Bias: false), new Activation(activation, 0.2), new Linear("c", 30, 10, Bias: false)]);
        using var generator = new RandomSource(5).Generator(CPU);
        var client = Simulated.Of(Simulated.Open(network), rand([1, 1, 8, 8], generator: generator), [6], new FedSgd(), new(1));
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 90, double.PositiveInfinity);
        Assert.Equal([6], found.Labels.Classes);
    }

    [Fact]
    public void Rows_with_one_owner_give_its_image_and_the_rest_is_called_a_mixture()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 256 }, Small, [1, 5, 1, 8]);
        using var found = new LinearLayerInversion().Run(client.Context);
        var exact = client.Judge(found).Psnr.Count(psnr => psnr > 90);
        Assert.InRange(exact, 1, 4);
        Assert.Equal(exact, Assert.Single(found.Evidence.OfType<RowsOwned>()).Owners);
        Assert.Equal(exact == 4 ? OutcomeKind.Converged : OutcomeKind.BudgetSpent, found.Outcome.Kind);
    }

    [Fact]
    public void A_convolution_first_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new LeNet(), new(3, 32, 32), [0]);
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("first layer is linear", found.Outcome.Advice, StringComparison.Ordinal);
        Assert.Equal([1, 3, 32, 32], found.Images.shape);
    }

    [Fact]
    public void A_silent_update_is_refused()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new Mlp { Width = 16 }, new(1, 8, 8), [0]);
        client.Context.Observation.Update.Flat.zero_();
        using var found = new LinearLayerInversion().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
    }
}
