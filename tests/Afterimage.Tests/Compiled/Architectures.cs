using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>Networks that between them hold every kind of layer, and models with random weights for them.</summary>
internal static class Architectures
{
    private static readonly Layer Sigmoid = new Activation(ActivationKind.Sigmoid);
    private static readonly Layer ReLU = new Activation(ActivationKind.ReLU);

    public static Network Named(string name) => name switch
    {
        "lenet" => LeNet(new(3, 32, 32), 10),
        "mlp" => Mlp(new(3, 8, 8), [64, 50, 33], 10),
        "convnet" => ConvNet(new(3, 16, 16), 10, 8),
        "resnet" => ResNet(new(3, 16, 16), 10, 8, 2),
        "mixed" => Mixed(),
        "plain" => new(new(2, 5, 6), 3, [new Flatten(), new Linear("fc", 60, 3)]),
        "bare" => new(new(3, 7, 7), 4, [new Conv2d("a", 3, 5, 3, Padding: 1), new Conv2d("b", 5, 4, 3, Padding: 2, Bias: false),
            new GlobalAvgPool2d(), new Flatten()]),
        _ => Around(Part(name)),
    };

    /// <summary>One layer between convolutions, so that both its values and its derivatives matter.</summary>
    private static Network Around(Layer layer)
    {
        List<Layer> layers = [new Conv2d("before", 2, 12, 3, Padding: 1), layer];
        var shape = layers.Aggregate<Layer, long[]>([2, 9, 8], (current, next) => next.Follow(current));
        layers.AddRange([new Conv2d("after", (int)shape[0], 5, 2, Padding: 1), Sigmoid, new GlobalAvgPool2d(), new Flatten(),
            new Linear("head", 5, 3)]);
        return new(new(2, 9, 8), 3, layers.ToValueList());
    }

    private static Layer Part(string name) => name switch
    {
        "group" => new Conv2d("part", 12, 18, 3, Stride: 2, Padding: 1, Groups: 2),
        "depthwise" => new Conv2d("part", 12, 12, 3, Padding: 1, Groups: 12),
        "dilation" => new Conv2d("part", 12, 40, 3, Padding: 2, Dilation: 2, Bias: false),
        "pointwise" => new Conv2d("part", 12, 33, 1),
        "few positions" => new Conv2d("part", 12, 35, 3, Stride: 3, Padding: 2, Dilation: 2),
        "multiplied" => new Conv2d("part", 12, 24, 3, Padding: 1, Groups: 12),
        "stride" => new Conv2d("part", 12, 7, 3, Stride: 3),
        "norm" => new BatchNorm2d("part", 12),
        "one group" => new GroupNorm("part", 1, 12),
        "three groups" => new GroupNorm("part", 3, 12),
        "twelve groups" => new GroupNorm("part", 12, 12),
        "plain norm" => new GroupNorm("part", 3, 12, Affine: false),
        "layer norm" => new LayerNorm("part", [12, 9, 8]),
        "layer norm of planes" => new LayerNorm("part", [9, 8], Bias: false),
        "layer norm of rows" => new LayerNorm("part", [8]),
        "layer scale" => new LayerScale("part", [12, 1, 1]),
        "embedding" => new PositionalEmbedding("part", [1, 12, 9, 8]),
        "modern" => new Residual([new Conv2d("part.0", 12, 12, 7, Padding: 3, Groups: 12), new ImageToTokens(),
            new LayerNorm("part.1", [12], 1e-6), new Linear("part.2", 12, 40), new Activation(ActivationKind.Gelu),
            new Linear("part.3", 40, 12), new TokensToImage(9, 8), new LayerScale("part.4", [12, 1, 1])], []),
        "transformer" => new Residual([new ImageToTokens(), new ClassToken("part.token", [1, 1, 12]),
            new PositionalEmbedding("part.place", [1, 73, 12]),
            new Residual([new LayerNorm("part.norm", [12]), new Linear("part.in_proj", 12, 36) { Separator = "_" },
                new Attention(3, 0.5), new Linear("part.out", 12, 12)], []),
            new TokenRange(1, 72), new TokensToImage(9, 8)], []),
        "separate heads" => new Residual([new ImageToTokens(), new LayerNorm("part.norm", [72, 12], Affine: false),
            new Concatenation([[new Linear("part.q", 12, 8)], [new Linear("part.k", 12, 8, false)], [new Linear("part.v", 12, 8)]]),
            new Attention(2, 0.5), new TokenMean(), new Linear("part.out", 8, 12), new LayerScale("part.scale", [12]),
            new TokensToImage(1, 1), new AdaptiveAvgPool2d(9, 8)], []),
        "adaptive" => new AdaptiveAvgPool2d(4, 11),
        "concatenation" => new Concatenation([[], [new Conv2d("part", 12, 5, 1), Sigmoid], [], [new AvgPool2d(3, 1, 1)]]),
        "squared" => new Scaled([]),
        "gated" => new Scaled([new Conv2d("part", 12, 12, 1), Sigmoid]),
        "squeeze" => new Scaled([new GlobalAvgPool2d(), new Conv2d("part.1", 12, 3, 1), ReLU, new Conv2d("part.2", 3, 12, 1), Sigmoid]),
        "average" => new AvgPool2d(3, 2, 1),
        "max" => new MaxPool2d(3, 2, 1),
        "shortcut" => new PaddedShortcut(2, 3, 4),
        "doubled" => new Residual([], []),
        "projected" => new Residual([Sigmoid], [new Conv2d("part", 12, 12, 1)]),
        _ => new Activation(Enum.Parse<ActivationKind>(name), 0.2),
    };

    /// <summary>The LeNet of Zhu et al. (2019): sigmoid after each of three 5x5 convolutions.</summary>
    public static Network LeNet(ImageShape input, int classes) => new(input, classes,
    [
        new Conv2d("body.0", input.Channels, 12, 5, Stride: 2, Padding: 2), Sigmoid,
        new Conv2d("body.2", 12, 12, 5, Stride: 2, Padding: 2), Sigmoid,
        new Conv2d("body.4", 12, 12, 5, Stride: 1, Padding: 2), Sigmoid,
        new Flatten(), new Linear("fc.0", 12 * ((input.Height + 3) / 4) * ((input.Width + 3) / 4), classes),
    ]);

    public static Network Mlp(ImageShape input, int[] hidden, int classes)
    {
        var layers = new List<Layer> { new Flatten() };
        var features = input.Count;
        foreach (var width in hidden)
        {
            layers.Add(new Linear($"fc{layers.Count}", features, width));
            layers.Add(ReLU);
            features = width;
        }
        layers.Add(new Linear("head", features, classes));
        return new(input, classes, layers.ToValueList());
    }

    /// <summary>Eight 3x3 convolutions with batch normalization and ReLU, widths w, 2w, 2w, 4w..., pooled twice.</summary>
    public static Network ConvNet(ImageShape input, int classes, int width)
    {
        var layers = new List<Layer>();
        var channels = input.Channels;
        foreach (var (output, pool) in new[] { (1, false), (2, false), (2, false), (4, false), (4, false), (4, true), (4, false),
            (4, true) })
        {
            var index = layers.Count;
            layers.AddRange([new Conv2d($"conv{index}", channels, output * width, 3, Padding: 1),
                new BatchNorm2d($"norm{index}", output * width), ReLU]);
            channels = output * width;
            if (pool)
                layers.Add(new MaxPool2d(3, 3));
        }
        var side = input.Height / 3 / 3;
        layers.AddRange([new Flatten(), new Linear("head", channels * side * side, classes)]);
        return new(input, classes, layers.ToValueList());
    }

    /// <summary>The CIFAR ResNet of He et al. (2016) with parameter-free shortcuts.</summary>
    public static Network ResNet(ImageShape input, int classes, int width, int blocks)
    {
        var layers = new List<Layer> { new Conv2d("conv1", input.Channels, width, 3, Padding: 1, Bias: false),
            new BatchNorm2d("bn1", width), ReLU };
        var channels = width;
        for (var stage = 0; stage < 3; stage++)
            for (var block = 0; block < blocks; block++)
            {
                var (output, stride) = (width << stage, stage > 0 && block == 0 ? 2 : 1);
                var name = $"layer{stage + 1}.{block}";
                ValueList<Layer> body =
                [
                    new Conv2d($"{name}.conv1", channels, output, 3, stride, 1, Bias: false), new BatchNorm2d($"{name}.bn1", output), ReLU,
                    new Conv2d($"{name}.conv2", output, output, 3, Padding: 1, Bias: false), new BatchNorm2d($"{name}.bn2", output),
                ];
                var padding = (output - channels) / 2;
                ValueList<Layer> shortcut = stride == 1 ? [] : [new PaddedShortcut(stride, padding, padding)];
                layers.AddRange([new Residual(body, shortcut), ReLU]);
                channels = output;
            }
        layers.AddRange([new GlobalAvgPool2d(), new Flatten(), new Linear("linear", channels, classes)]);
        return new(input, classes, layers.ToValueList());
    }

    /// <summary>Groups, dilation, odd strides, every pooling and activation, projections, pooling before the first weight.</summary>
    private static Network Mixed() => new(new(4, 19, 17), 7,
    [
        new AvgPool2d(2, 1, 1), new Activation(ActivationKind.Tanh),
        new Conv2d("grouped", 4, 18, 3, Stride: 2, Padding: 1, Groups: 2), new Activation(ActivationKind.Gelu),
        new Conv2d("dilated", 18, 20, 3, Padding: 2, Dilation: 2, Bias: false), new BatchNorm2d("norm", 20),
            new Activation(ActivationKind.Silu),
        new Residual([new Conv2d("depthwise", 20, 20, 3, Padding: 1, Groups: 20), new Activation(ActivationKind.Softplus)],
            [new Conv2d("project", 20, 20, 1)]),
        new MaxPool2d(3, 2, 1), new Activation(ActivationKind.LeakyReLU, 0.2),
        new Conv2d("wide", 20, 70, 2, Stride: 1), new Activation(ActivationKind.Sigmoid),
        new AvgPool2d(2, 2), new Flatten(), new Linear("hidden", 280, 19), new Activation(ActivationKind.Tanh), new Linear("head", 19, 7),
    ]);

    /// <summary>A model with weights of a size that keeps every layer awake; the caller owns it.</summary>
    public static NetworkModel Model(Network network, ulong seed, Normalization? normalization = null)
    {
        var random = new RandomSource(seed);
        using var scope = NewDisposeScope();
        Tensor Draw(ParameterSpec spec)
        {
            using var generator = random.Derive(spec.Name).Generator(CPU);
            var noise = randn(spec.Shape.ToArray(), ScalarType.Float32, CPU, generator: generator);
            return spec.Role switch
            {
                ParameterRole.Weight => noise / Math.Sqrt(spec.FanIn) * 1.3,
                ParameterRole.NormalizationWeight => 1 + 0.2 * noise,
                ParameterRole.RunningVariance => noise.abs() + 0.3,
                _ => 0.2 * noise,
            };
        }
        return new NetworkModel(network, normalization ?? Normalization.None(network.Input.Channels),
            [.. network.Parameters.Select(Draw)], network.Buffers.ToDictionary(spec => spec.Name, Draw));
    }
}
