using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>A client's batch behind a small network, and what one layer of it truly saw.</summary>
/// <param name="Layer">As an attack sees it.</param>
/// <param name="Truth">Inputs of the layer, [B,C,H,W].</param>
internal sealed record SmallClient(BatchLayer Layer, Tensor Truth)
{
    /// <summary>One gradient of a network whose second convolution, or hidden linear layer, is to be taken apart.</summary>
    /// <param name="batch">Images.</param>
    /// <param name="train">Whether BatchNorm is in train mode.</param>
    /// <param name="layers">In front of the layer, the layer, and behind it.</param>
    /// <param name="input">Of one image.</param>
    /// <param name="seed">Of weights, images and labels.</param>
    /// <param name="type">Precision of the client.</param>
    /// <param name="noise">Gaussian, relative to the root mean square of dL/dW.</param>
    /// <param name="classes">Different labels of the batch.</param>
    public static SmallClient Of(int batch, bool train, (Layer[] Front, Layer Own, Layer[] Behind) layers, ImageShape input, ulong seed = 1,
        ScalarType type = ScalarType.Float32, double noise = 0, int classes = 10)
    {
        var random = new RandomSource(seed);
        using var generator = random.Derive("all").Generator(CPU);
        var network = new Network(input, 10, [.. layers.Front, layers.Own, .. layers.Behind]);
        var parameters = network.Parameters.Select(spec => Initializer.KaimingFanIn(spec, generator).to(type)).ToArray();
        var buffers = network.Buffers.ToDictionary(spec => spec.Name, spec => Initializer.Default(spec, generator).to(type));
        var model = new NetworkModel(network, Normalization.None(input.Channels), parameters, buffers);

        var coarse = rand([batch, input.Channels, 2, 2], generator: generator);
        var fine = rand([batch, input.Channels, input.Height, input.Width], generator: generator);
        var images = (0.6 * nn.functional.interpolate(coarse, [input.Height, input.Width]) + 0.4 * fine).to(type);
        var labels = Enumerable.Range(0, batch).Select(i => i % classes);
        var training = new FedSgd { Mode = train ? ModelMode.Train : ModelMode.Eval };
        var targets = new Labels(labels.ToValueList(), []).Targets(10, type, CPU);
        var update = training.Linearize(model, new(images, targets)).Value;
        Tensor Sent(string name) => update[update.Layout.IndexOf(name)].detach().to(ScalarType.Float64);

        var shape = Network.Follow(input, layers.Front);
        var front = new Network(input, (int)shape.Aggregate(1L, (a, b) => a * b), [.. layers.Front, new Flatten()]);
        var count = front.Parameters.Count();
        var seen = new NetworkModel(front, Normalization.None(input.Channels), [.. parameters[..count].Select(p => p.clone())],
            front.Buffers.ToDictionary(spec => spec.Name, spec => buffers[spec.Name].clone()))
            .Logits(images, training.Mode).detach().to(ScalarType.Float64)
            .reshape([batch, .. shape.Length == 3 ? shape : [shape[0], 1, 1]]);

        var name = layers.Own is Conv2d conv ? conv.Name : ((Linear)layers.Own).Name;
        var gradient = Sent($"{name}.weight");
        gradient += noise * gradient.square().mean().sqrt() * randn(gradient.shape, ScalarType.Float64, CPU, generator: generator);
        var bias = update.Layout.IndexOf($"{name}.bias") >= 0 ? Sent($"{name}.bias") : null;
        var layer = layers.Own is Linear linear ? BatchLayer.Of(linear, gradient, bias)
            : new BatchLayer((Conv2d)layers.Own, shape, gradient, train && layers.Behind[0] is BatchNorm2d) { Sums = train ? null : bias };
        return new(layer with { Noise = Math.Max(noise, BatchLayer.Rounding) }, seen);
    }

    /// <summary>conv, BatchNorm, ReLU, conv, BatchNorm, ReLU, pooling, linear.</summary>
    public static (Layer[], Layer, Layer[]) Net(int before, int channels, int kernel = 3, bool bias = false) =>
    (
        [new Conv2d("conv1", 3, before, 3, 2, 1, Bias: false), new BatchNorm2d("bn1", before), new Activation(ActivationKind.ReLU)],
        new Conv2d("conv2", before, channels, kernel, 1, kernel / 2, Bias: bias),
        [.. bias ? (Layer[])[] : [new BatchNorm2d("bn2", channels)], new Activation(ActivationKind.ReLU), new GlobalAvgPool2d(),
            new Flatten(), new Linear("fc", channels, 10)]
    );

    /// <summary>What was found of the batch.</summary>
    public BlindBatch? Separated(int? batch = null) =>
        BlindBatch.Of(Layer, batch ?? (int)Truth.shape[0], new RandomSource(3), TestContext.Current.CancellationToken);

    /// <summary>For each input found the relative error of its direction, and which true one is nearest.</summary>
    public (double[] Errors, long[] Nearest) Judge(BlindBatch found)
    {
        if (found.Evidence.Separated == 0)
            return ([], []);
        var unit = nn.functional.normalize(Truth.flatten(1), 2, 1);
        var (errors, nearest) = (nn.functional.normalize(found.Inputs.Rows, 2, 1).unsqueeze(1) - unit.unsqueeze(0)).norm(2).min(1);
        return (errors.data<double>().ToArray(), nearest.data<long>().ToArray());
    }

    /// <summary>How large the inputs are next to the true ones.</summary>
    public double[] Sizes(BlindBatch found) =>
        (found.Inputs.Rows.norm(1) / Truth.flatten(1).norm(1).index_select(0, tensor(Judge(found).Nearest))).data<double>().ToArray();
}
