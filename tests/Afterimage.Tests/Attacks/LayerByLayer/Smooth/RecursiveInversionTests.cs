using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class RecursiveInversionTests
{
    private static Network Convolutional(ActivationKind activation, bool bias = true) => new(new(2, 10, 10), 10,
    [
        new Conv2d("a", 2, 8, 3, 2, 1, Bias: bias), new Activation(activation, 0.2),
        new Conv2d("b", 8, 12, 3, 1, 1, Bias: bias), new Activation(activation, 0.2),
        new Flatten(), new Linear("c", 300, 10, bias),
    ]);

    [Theory]
    [InlineData(ActivationKind.LeakyReLU, true), InlineData(ActivationKind.LeakyReLU, false)]
    [InlineData(ActivationKind.Sigmoid, true), InlineData(ActivationKind.Tanh, false), InlineData(ActivationKind.Softplus, true)]
    public void A_convolutional_network_is_read_backwards(ActivationKind activation, bool bias)
    {
        using var scope = NewDisposeScope();
        var client = One(Convolutional(activation, bias), ScalarType.Float32);
        using var found = new RecursiveInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 80, double.PositiveInfinity);
        Assert.Equal([7], found.Labels.Classes);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Equal(3, found.Evidence.Count);
        Assert.All(found.Evidence, note => Assert.NotNull(Assert.IsType<LayerSolved>(note).Rank));
    }

    /// <summary>Double precision leaves the equations nothing but rounding.</summary>
    [Fact]
    public void In_double_precision_it_is_exact_to_single()
    {
        using var scope = NewDisposeScope();
        var client = One(Convolutional(ActivationKind.LeakyReLU), ScalarType.Float64);
        using var found = new RecursiveInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 130, double.PositiveInfinity);
        Assert.InRange(found.RelativeMisfit, 0, 1e-10);
    }

    /// <summary>With one convolution the whole problem is linear once the signs are known: an explicit matrix solves it too.</summary>
    [Fact]
    public void It_agrees_with_the_explicit_equations_of_a_convolution()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(1, 6, 6), 10, [new Conv2d("a", 1, 6, 3, 1, 1, Bias: false),
            new Activation(ActivationKind.LeakyReLU, 0.2), new Flatten(), new Linear("c", 216, 10)]);
        var client = One(network, ScalarType.Float64);
        using var found = new RecursiveInversion().Run(client.Context);

        var (update, weights) = (client.Context.Observation.Update, client.Context.Model.Parameters);
        var features = update[1][0] / update[2][0];
        var preActivationGradient = update[2].unsqueeze(0).matmul(weights[1].detach()) * where(features < 0, 0.2, 1.0);
        var before = where(features < 0, features / 0.2, features);
        var rows = new List<Tensor>();
        for (var pixel = 0; pixel < 36; pixel++)
        {
            var unit = zeros([1, 1, 6, 6], ScalarType.Float64);
            unit.view(-1)[pixel] = 1;
            var image = nn.functional.conv2d(unit, weights[0].detach(), null, [1, 1], [1, 1]).view(-1);
            var patches = nn.functional.pad(unit, [1, 1, 1, 1]).unfold(2, 3, 1).unfold(3, 3, 1).reshape(36, 9);
            rows.Add(cat([image, preActivationGradient.view(6, 36).matmul(patches).view(-1)]));
        }
        var solution = linalg.lstsq(stack(rows).t(), cat([before, update[0].view(-1)]).unsqueeze(1)).Solution.view(-1);
        Assert.InRange((solution - found.Images.to(ScalarType.Float64).view(-1)).abs().max().ToDouble(), 0, 1e-6);
    }

    [Fact]
    public void ReLU_hides_where_it_is_off_and_the_gradient_fills_it_in()
    {
        using var scope = NewDisposeScope();
        var client = One(Convolutional(ActivationKind.ReLU), ScalarType.Float64);
        using var found = new RecursiveInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 60, double.PositiveInfinity);
    }

    [Fact]
    public void A_layer_that_is_not_determined_is_reported()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(3, 12, 12), 10, [new Conv2d("a", 3, 2, 3, 2, 1),
            new Activation(ActivationKind.LeakyReLU, 0.2), new Flatten(), new Linear("c", 72, 10)]);
        var client = One(network, ScalarType.Float64);
        using var found = new RecursiveInversion().Run(client.Context);
        // 72 outputs and 3 times 18 gradient constraints, of which 2 x 2 say the same.
        Assert.Contains(found.Evidence, note => note is LayerSolved { Layer: "a", Rank: 122, Unknowns: 432 });
        Assert.InRange(client.Judge(found).Psnr[0], 0, 40);
    }

    [Fact]
    public void What_cannot_be_read_backwards_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        using var batch = new RecursiveInversion().Run(Simulated.Batch(new LeNet(), new(3, 32, 32), [1, 2]).Context);
        Assert.Equal(OutcomeKind.Refused, batch.Outcome.Kind);
        Assert.Contains("batch size 1", batch.Outcome.Advice, StringComparison.Ordinal);
        using var branches = new RecursiveInversion().Run(Simulated.Batch(new ResNet(), new(3, 32, 32), [1]).Context);
        Assert.Contains("without branches", branches.Outcome.Advice, StringComparison.Ordinal);
        var pooling = new Network(new(1, 8, 8), 10, [new MaxPool2d(2, 2), new Flatten(), new Linear("c", 16, 10)]);
        using var pooled = new RecursiveInversion().Run(One(pooling, ScalarType.Float32).Context);
        Assert.Contains("MaxPool2d", pooled.Outcome.Advice, StringComparison.Ordinal);
    }

    private static Simulated One(Network network, ScalarType type)
    {
        using var generator = new RandomSource(5).Generator(CPU);
        var shape = network.Input;
        var image = rand([1, shape.Channels, shape.Height, shape.Width], generator: generator).to(type);
        return Simulated.Of(Simulated.Open(network, type: type), image, [7], new FedSgd(), new(1));
    }
}

/// <summary>The problems on which published recursive attacks reached 45.9 and 28.3 dB, and PyTorch clients with DLG's LeNet.</summary>
[Trait("Category", "slow")]
public class RecursiveInversionOnRecordedUpdatesTests
{
    [Theory]
    [InlineData("cnn6_b1"), InlineData("rgap_cnn6_b1_i13")]
    public void Six_convolutions(string name) => Reads(Recorded.Peer(name), 100);

    [Theory]
    [InlineData("lenet-b1-0"), InlineData("lenet-b1-2")]
    public void LeNet(string name) => Reads(Recorded.PyTorch(name), 95);

    private static void Reads(Simulated client, double floor)
    {
        using var scope = NewDisposeScope();
        using var found = new RecursiveInversion().Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], floor, double.PositiveInfinity);
        Assert.Equal(client.Labels, found.Labels.Classes);
    }
}
