using Afterimage.Attacks;
using Afterimage.Attacks.Rectified;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Attacks.ClosedForm;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.Rectified;

/// <summary>The network itself says what its layers take in and what their ReLUs do; automatic differentiation says dL/dz.</summary>
public class ResidualRecursionTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Theory, InlineData(0), InlineData(3)]
    public void The_input_of_a_convolution_follows_from_its_weight_gradient_alone(int off)
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 20, 5, 5], Double, CPU, generator: generator).relu();
        var signal = randn([1, 25, 5, 5], Double, CPU, generator: generator);
        signal[0, ..off] = 0;
        var found = BlindInput.Of(Layer(input, signal))!;
        Assert.Equal(off, found.Missing);
        var blind = found.Solve(Layer(input, signal), CancellationToken.None);
        Assert.InRange(Distance(blind * (input.norm() / blind.norm()), input), 0, 1e-5);
    }

    /// <summary>More channels than are looked at together.</summary>
    [Fact]
    public void Many_channels_are_found_through_few_mixtures_of_them()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 180, 5, 5], Double, CPU, generator: generator).relu();
        var layer = Layer(input, randn([1, 30, 5, 5], Double, CPU, generator: generator));
        var blind = BlindInput.Of(layer)!.Solve(layer, CancellationToken.None);
        Assert.InRange(Distance(blind * (input.norm() / blind.norm()), input), 0, 1e-5);
    }

    [Fact]
    public void Where_places_outnumber_channels_nothing_is_found_blindly()
    {
        using var scope = NewDisposeScope();
        Assert.Null(BlindInput.Of(Layer(rand([1, 8, 6, 6], Double), rand([1, 8, 6, 6], Double))));
    }

    [Fact]
    public void ReLUs_in_doubt_are_turned_until_the_gradient_fits()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        var input = randn([1, 6, 6, 6], Double, CPU, generator: generator).relu();
        var values = randn([1, 16, 6, 6], Double, CPU, generator: generator);
        (values[0, 2, 3, 3], values[0, 5, 0, 0]) = (1e-5, -1e-5);
        var signal = randn([1, 16, 6, 6], Double, CPU, generator: generator);
        var gates = (values > 0).to(Double);
        // Both seem to be on the other side.
        var seen = values.clone();
        (seen[0, 2, 3, 3], seen[0, 5, 0, 0]) = (-2e-6, 1.3e-4);
        var found = new GatedLayer(Layer(input, gates * signal), signal).Solve(seen, full_like(seen, 1e-4));
        Assert.True(found.Gates.Equals(gates));
        Assert.InRange(Distance(found.Input, input), 0, 1e-8);
    }

    /// <summary>Identity, a shortcut that leaves out places, and one with a convolution, each from its output with an error.</summary>
    [Theory, InlineData("layer2.1", 20), InlineData("layer3.0", 20), InlineData("layer2.0", 18)]
    public void A_residual_unit_is_solved_through(string name, int depth)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new ResNet { Depth = depth }, new(3, 16, 16), [4]);
        using var own = client.Context.To(Double);
        var chain = RectifiedChain.Of(own, out _)!;
        var x = chain.Normalize(client.Images.to(Double)).requires_grad_();
        var inputs = new List<Tensor> { x };
        foreach (var piece in chain.Pieces)
            inputs.Add(piece.Forward(inputs[^1]));
        var logits = inputs[^1].mean([2, 3]).matmul(chain.Head.Weight!.t()) + chain.Head.Bias!;
        var loss = nn.functional.cross_entropy(logits, tensor(new[] { 4L }));
        var place = chain.Pieces.ToList().FindIndex(piece => piece is ResidualUnit unit && unit.First.Conv.Name.StartsWith(name, StringComparison.Ordinal));
        var unit = (ResidualUnit)chain.Pieces[place];
        var signals = Differentiate.Gradients(loss, [inputs[place], inputs[place + 1]]);
        using var generator = new RandomSource(1).Generator(CPU);
        var output = inputs[place + 1].detach();
        var error = 1e-6 * output.square().mean().sqrt().ToDouble();
        output = output + error * randn(output.shape, Double, CPU, generator: generator);

        var found = new ResidualLayer(unit, output, signals[1], full_like(output, 5 * error), new(2)).Solve(CancellationToken.None);
        Assert.InRange(found.Residual, 0, 3e-6);
        Assert.InRange(Distance(found.Input!, inputs[place].detach()), 0, 3e-5);
        Assert.InRange(Distance(found.Signal! * (inputs[place] > 0), signals[0] * (inputs[place] > 0)), 0, 1e-4);
        Assert.True((found.Doubt! > 0).all().ToBoolean());
    }

    /// <summary>As it is, and as small as networks send it that are certain.</summary>
    [Theory, InlineData(1), InlineData(1e-12)]
    public void A_residual_network_is_read_from_the_head_down(double scale)
    {
        using var scope = NewDisposeScope();
        var client = Smooth(new ResNet { Depth = 20 }, 16);
        client.Context.Observation.Update.Flat.mul_(scale);
        using var found = new RectifiedRecursion { Images = 100, Steps = 15 }.Run(client.Context);
        var notes = string.Join("\n", found.Notes);
        Assert.Contains("input found blindly", notes, StringComparison.Ordinal);
        Assert.Contains("layer1.2.conv2: its weight gradient does not determine its input", notes, StringComparison.Ordinal);
        Assert.True(client.Judge(found).Psnr[0] > 25, $"{client.Judge(found).Psnr[0]}\n{notes}");
        Assert.Equal([4], found.Labels.Classes);
    }

    /// <summary>With so few places every layer has equations enough, the first one too; here without BatchNorm, and with biases.</summary>
    [Fact]
    public void A_small_image_is_solved_for_without_any_search()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(6).Generator(CPU);
        var relu = new Activation(ActivationKind.ReLU);
        Residual Unit(string name, int from, int to, int stride) => new(
            [new Conv2d(name + "a", from, to, 3, stride, 1), relu, new Conv2d(name + "b", to, to, 3, 1, 1)],
            stride == 1 ? [] : [new Conv2d(name + "c", from, to, 1, stride)]);
        var network = new Network(new(1, 8, 8), 10, [new Conv2d("stem", 1, 24, 3, 1, 1), relu, Unit("u", 24, 24, 1), relu, Unit("v", 24, 32, 2), relu,
            Unit("w", 32, 32, 1), relu, new GlobalAvgPool2d(), new Flatten(), new Linear("head", 32, 10)]);
        var client = Simulated.Of(Simulated.Open(network), rand([1, 1, 8, 8], generator: generator), [4], new FedSgd(), new(1));
        using var found = new RectifiedRecursion { Images = 10, Steps = 0 }.Run(client.Context);
        var notes = string.Join("\n", found.Notes);
        Assert.Contains("stem: 64 inputs", notes, StringComparison.Ordinal);
        Assert.True(client.Judge(found).Psnr[0] > 60, $"{client.Judge(found).Psnr[0]}\n{notes}");
    }

    [Fact]
    public void Train_mode_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new ResNet { Depth = 20 }, new(3, 16, 16), [4], new FedSgd { Mode = ModelMode.Train });
        using var found = new RectifiedRecursion().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("statistics of the batch", found.Outcome.Advice, StringComparison.Ordinal);
    }

    private static Simulated Smooth(ModelSource source, int size)
    {
        using var generator = new RandomSource(5).Generator(CPU);
        var coarse = rand([1, 3, 4, 4], generator: generator);
        var images = nn.functional.interpolate(coarse, [size, size], mode: InterpolationMode.Bilinear, align_corners: false);
        return Simulated.Of(source.Open(new(3, size, size), 10, new(1), ScalarType.Float32, CPU), images, [4], new FedSgd(), new(1));
    }

    private static double Distance(Tensor found, Tensor wanted) => ((found - wanted).norm() / wanted.norm()).ToDouble();

    /// <summary>A convolution without BatchNorm that had this input and this dL/dz.</summary>
    private static RectifiedBlock Layer(Tensor input, Tensor signal)
    {
        var conv = new Conv2d("conv", (int)input.shape[1], (int)signal.shape[1], 3, 1, 1, Bias: false);
        var patches = nn.functional.unfold(input, (3, 3), (1, 1), (1, 1), (1, 1))[0];
        var gradient = signal.flatten(2)[0].matmul(patches.t()).reshape(conv.Output, conv.Input, 3, 3);
        return new(conv, null, input.shape[1..], signal.shape[1..], signal.shape[1..], zeros_like(gradient), null,
            ones([1, conv.Output, 1, 1], Double), zeros([1, conv.Output, 1, 1], Double), gradient, null);
    }
}
