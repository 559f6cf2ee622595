using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>The network itself says what its layers take in and what their ReLUs do; automatic differentiation says dL/dz.</summary>
[Trait("Category", "slow")]
public class ResidualRecursionTests
{
    private const ScalarType Double = ScalarType.Float64;

    [Theory, InlineData(0), InlineData(3)]
    public void The_input_of_a_convolution_follows_from_its_weight_gradient_alone(int off)
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 20, 5, 5], Double, CPU, generator: generator).relu();
        var preActivationGradient = randn([1, 25, 5, 5], Double, CPU, generator: generator);
        preActivationGradient[0, ..off] = 0;
        var found = BlindInput.Of(Layer(input, preActivationGradient))!;
        Assert.Equal(off, found.Missing);
        var blind = found.Solve(new(1), CancellationToken.None);
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
        var blind = BlindInput.Of(layer)!.Solve(new(1), CancellationToken.None);
        Assert.InRange(Distance(blind * (input.norm() / blind.norm()), input), 0, 1e-5);
    }

    /// <summary>As behind an average, where dL/dz is the same at all places of a channel whose ReLU is on.</summary>
    [Fact]
    public void A_few_different_gates_are_enough_for_a_blind_input()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 30, 6, 6], Double, CPU, generator: generator).relu();
        var gates = (randn([1, 36, 6, 6], Double, CPU, generator: generator) > 0).to(Double);
        gates[0, ..10] = 0;
        gates[0, 10..20] = 1;
        var blind = BlindInput.Of(Layer(input, gates))!;
        Assert.True(blind.Missing > 0.3 * 36);
        var found = blind.Solve(new(1), CancellationToken.None);
        Assert.InRange(Distance(found * (input.norm() / found.norm()), input), 0, 1e-5);
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
        var preActivationGradient = randn([1, 16, 6, 6], Double, CPU, generator: generator);
        var gates = (values > 0).to(Double);
        // Both seem to be on the other side.
        var seen = values.clone();
        (seen[0, 2, 3, 3], seen[0, 5, 0, 0]) = (-2e-6, 1.3e-4);
        var found = new GatedLayer(Layer(input, gates * preActivationGradient), preActivationGradient).Solve(seen, full_like(seen, 1e-4));
        Assert.True(found.Gates.Equals(gates));
        Assert.InRange(Distance(found.Input, input), 0, 1e-8);
    }

    /// <summary>Too many for turning one after the other: the patches of an input that is nearly right show all gates at once.</summary>
    [Fact]
    public void Many_ReLUs_in_doubt_are_read_from_the_gradient_together()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        var input = randn([1, 16, 6, 6], Double, CPU, generator: generator).relu();
        var values = randn([1, 64, 6, 6], Double, CPU, generator: generator);
        var preActivationGradient = randn([1, 64, 6, 6], Double, CPU, generator: generator);
        var gates = (values > 0).to(Double);
        var seen = values + 0.01 * randn(values.shape, Double, CPU, generator: generator);
        var found = new GatedLayer(Layer(input, gates * preActivationGradient), preActivationGradient).Solve(seen, full_like(seen, 0.03));
        Assert.InRange(((seen > 0.03).to(Double) - gates).abs().sum().ToDouble(), 20, 60);
        Assert.True(found.Gates.Equals(gates));
        Assert.InRange(Distance(found.Input, input), 0, 1e-8);
    }

    [Theory, InlineData(0), InlineData(1e-5), InlineData(1e-3)]
    public void Noise_that_nobody_spoke_of_is_measured_and_a_blind_input_stands_it(double noise)
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        var input = randn([1, 20, 5, 5], Double, CPU, generator: generator).relu();
        var clear = Layer(input, randn([1, 50, 5, 5], Double, CPU, generator: generator));
        var level = clear.WeightGradient.square().mean().sqrt();
        var gradient = clear.WeightGradient + noise * level * randn(clear.WeightGradient.shape, Double, CPU, generator: generator);
        var head = rand([10, 1], Double, CPU, generator: generator).matmul(rand([1, 50], Double, CPU, generator: generator));
        var measured = NoiseReading.Of(head, [(clear.Form, gradient)]) / level.ToDouble();
        Assert.InRange(measured, 0.95 * noise, 1.05 * noise);
        var block = clear with { WeightGradient = gradient, Noise = Math.Max(RectifiedBlock.Rounding, measured) };
        var found = BlindInput.Of(block)!.Solve(new(1), CancellationToken.None);
        Assert.InRange(Distance(found * (input.norm() / found.norm()), input), 0, Math.Max(1e-6, 3 * noise));
    }

    /// <summary>Identity, a shortcut that leaves out places, and one with a convolution, each from its output with an error.</summary>
    [Theory, InlineData("layer2.1", 20), InlineData("layer3.0", 20), InlineData("layer2.0", 18)]
    public void A_residual_unit_is_solved_through(string name, int depth)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new ResNet { Depth = depth }, new(3, 16, 16), [4]);
        using var own = client.Context.To(Double);
        var chain = RectifiedChain.Of(own);
        var x = chain.Model.Normalize(client.Images.to(Double)).requires_grad_();
        var inputs = new List<Tensor> { x };
        foreach (var piece in chain.Pieces)
            inputs.Add(piece.Forward(inputs[^1]));
        var logits = inputs[^1].mean([2, 3]).matmul(chain.Tail.Head.Weight!.t()) + chain.Tail.Head.Bias!;
        var loss = nn.functional.cross_entropy(logits, tensor(new[] { 4L }));
        var place = chain.Pieces.ToList().FindIndex(piece =>
            piece is ResidualUnit unit && unit.First.Conv.Name.StartsWith(name, StringComparison.Ordinal));
        var unit = (ResidualUnit)chain.Pieces[place];
        var featureGradients = Differentiate.Gradients(loss, [inputs[place], inputs[place + 1]]);
        using var generator = new RandomSource(1).Generator(CPU);
        var output = inputs[place + 1].detach();
        var error = 1e-6 * output.square().mean().sqrt().ToDouble();
        output = output + error * randn(output.shape, Double, CPU, generator: generator);

        var found = new ResidualLayer(unit, output, featureGradients[1], full_like(output, 5 * error), new(2))
            .Solve(CancellationToken.None);
        Assert.InRange(found.Residual, 0, 3e-6);
        Assert.InRange(Distance(found.Input!, inputs[place].detach()), 0, 3e-5);
        Assert.InRange(Distance(found.FeatureGradient! * (inputs[place] > 0), featureGradients[0] * (inputs[place] > 0)), 0, 1e-4);
        Assert.True((found.Doubt! > 0).all().ToBoolean());
    }

    /// <summary>As it is, and as small as networks send it that are certain.</summary>
    [Theory, InlineData(1), InlineData(1e-12)]
    public void A_residual_network_is_read_from_the_head_down(double scale)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(new ResNet { Depth = 20 }.Open(new(3, 16, 16), 10, new(1), ScalarType.Float32, CPU), [4]);
        client.Context.Observation.Update.Flat.mul_(scale);
        using var found = new RectifiedRecursion { Images = 100, Steps = 15 }.Run(client.Context);
        var notes = string.Join("\n", found.Evidence);
        Assert.Contains(found.Evidence, note => note is BlindInputFound);
        Assert.Contains(found.Evidence, note => note is LayerOpen { Layer: "layer1.2.conv2" });
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
        var network = new Network(new(1, 8, 8), 10,
        [
            new Conv2d("stem", 1, 24, 3, 1, 1), relu, Unit("u", 24, 24, 1), relu, Unit("v", 24, 32, 2), relu, Unit("w", 32, 32, 1), relu,
            new GlobalAvgPool2d(), new Flatten(), new Linear("head", 32, 10),
        ]);
        var client = Simulated.Of(Simulated.Open(network), rand([1, 1, 8, 8], generator: generator), [4], new FedSgd(), new(1));
        using var found = new RectifiedRecursion { Images = 10, Steps = 0 }.Run(client.Context);
        var notes = string.Join("\n", found.Evidence);
        Assert.Contains(found.Evidence, note => note is LayerSolved { Layer: "stem", Unknowns: 64 });
        Assert.True(client.Judge(found).Psnr[0] > 60, $"{client.Judge(found).Psnr[0]}\n{notes}");
    }

    /// <summary>Seen from its true input nothing is left, and products are derivatives and their transposes.</summary>
    [Fact]
    public void A_unit_known_up_to_its_first_convolution_is_linear_in_its_input()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(new ResNet { Depth = 20 }.Open(new(3, 16, 16), 10, new(1), ScalarType.Float32, CPU), [4]);
        using var own = client.Context.To(Double);
        var chain = RectifiedChain.Of(own);
        var place = chain.Pieces.ToList().FindIndex(piece => piece is ResidualUnit { Padding: not null });
        var unit = (ResidualUnit)chain.Pieces[place];
        var images = client.Images.to(Double);
        using var trunk = new FeatureMap(chain, chain.Pieces.Take(place));
        var x = trunk.At(images, 0);
        var u = unit.First.Before(x).requires_grad_();
        var output = unit.Before(x, u.relu()).relu();
        var behind = chain.Pieces.Skip(place + 1).Aggregate(output, (y, piece) => piece.Forward(y));
        var logits = behind.mean([2, 3]).matmul(chain.Tail.Head.Weight!.t()) + chain.Tail.Head.Bias!;
        var middleGradient = Differentiate.Gradients(nn.functional.cross_entropy(logits, tensor(new[] { 4L })), [u])[0];
        using var last = new LastUnit(unit, new(u.detach().relu(), middleGradient), output.detach(), false);

        Assert.InRange(last.Left(x).abs().max().ToDouble(), 0, 1e-9);
        Assert.InRange(last.Open(x).square().mean().sqrt().ToDouble(), 0, 1e-5);
        using var generator = new RandomSource(2).Generator(CPU);
        Tensor Random(Tensor like) => randn(like.shape, Double, CPU, generator: generator);
        var (change, features, gradient) = (Random(x), Random(last.Known), Random(last.Open(x)));
        Equal(last.Push(change) * features, change * last.Pull(features));
        Equal(last.Gradient(change) * gradient, change * last.PullGradient(gradient));
        var slope = last.Left(x) - last.Left(x + 1e-6 * change);
        Assert.True(slope.mul(last.Alive).allclose(1e-6 * last.Push(change) * last.Alive, atol: 1e-9));

        foreach (var softness in (double[])[0, 0.5])
        {
            Assert.True(trunk.At(images, softness).allclose(x));
            var move = Random(images);
            Equal(trunk.Push(move).Features * change, move * trunk.Pull(change, []));
            var moved = trunk.At(images + 1e-7 * move, softness) - x;
            Assert.Equal(softness == 0, Distance(trunk.Push(move).Features * 1e-7, moved) < 1e-3);
        }

        static void Equal(Tensor left, Tensor right) =>
            Assert.InRange((left.sum() - right.sum()).abs().ToDouble(), 0, 1e-9 * (left.abs().sum() + right.abs().sum()).ToDouble());
    }

    /// <summary>What is left falls with the square of the distance, as only Newton's step does.</summary>
    [Fact]
    public void A_step_through_the_batchs_statistics_is_newtons()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(8).Generator(CPU);
        Tensor Random(params long[] shape) => randn(shape, Double, CPU, generator: generator);
        var (x, arriving) = (Random(1, 5, 4, 4), Random(1, 12, 4, 4));
        var block = Layer(x, arriving) with
        {
            Weight = Random(12, 5, 3, 3),
            Batch = new(Random(1, 12, 1, 1), Random(1, 12, 1, 1).abs() + 1, Random(1, 12, 1, 1) * 0.3, Random(1, 12, 1, 1) * 0.3),
        };
        Tensor System(Tensor at) => block.System(arriving + block.Coupled(block.Before(at))!);
        var target = block.Times(System(x), x);
        double Left(double distance)
        {
            var near = x + distance * Random(1, 5, 4, 4);
            var system = System(near);
            var (rows, belief) = (ones([system.shape[0], 1], Double), full([5L, 16L], 1e-9, Double));
            var normal = system.t().matmul(system).unsqueeze(0) + diag_embed(belief);
            var step = new CoupledStep(block, near[0].reshape(5, 16), system, rows)
                .Solve(target - block.Times(system, near), normal, belief, zeros_like(belief));
            var reached = near + step.reshape(1, 5, 4, 4);
            return (target - block.Times(System(reached), reached)).norm().ToDouble();
        }
        Assert.InRange(Left(1e-4) / Left(1e-2), 0, 1e-3);
    }

    [Fact]
    public void What_it_cannot_read_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Batch(new ResNet { Depth = 20 }, new(3, 16, 16), [4], new FedSgd { Mode = ModelMode.Train });
        Refuses(client, "in eval mode only");
        Refuses(client.Revealing(), "in eval mode only");
        var noisy = Simulated.Smooth(new ResNet { Depth = 20 }.Open(new(3, 16, 16), 10, new(1), ScalarType.Float32, CPU), [4]);
        using var generator = new RandomSource(9).Generator(CPU);
        var update = noisy.Context.Observation.Update.Flat;
        var noise = randn(update.shape, generator: generator);
        update.add_(noise * (1e-2 * update.norm() / noise.norm()));
        Refuses(noisy, "No layer in front of the head could be solved");
    }

    private static void Refuses(Simulated client, string reason)
    {
        using var found = new RectifiedRecursion { Images = 10 }.Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains(reason, found.Outcome.Advice, StringComparison.Ordinal);
    }

    private static double Distance(Tensor found, Tensor wanted) => ((found - wanted).norm() / wanted.norm()).ToDouble();

    /// <summary>A convolution without BatchNorm that had this input and this dL/dz.</summary>
    private static RectifiedBlock Layer(Tensor input, Tensor preActivationGradient)
    {
        var conv = new Conv2d("conv", (int)input.shape[1], (int)preActivationGradient.shape[1], 3, 1, 1, Bias: false);
        var patches = nn.functional.unfold(input, (3, 3), (1, 1), (1, 1), (1, 1))[0];
        var gradient = preActivationGradient.flatten(2)[0].matmul(patches.t()).reshape(conv.Output, conv.Input, 3, 3);
        return new(new(conv, null, null, input.shape[1..]), zeros_like(gradient), null,
            ones([1, conv.Output, 1, 1], Double), zeros([1, conv.Output, 1, 1], Double), gradient, null);
    }
}
