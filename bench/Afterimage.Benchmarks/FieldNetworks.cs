using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>torchvision's MobileNetV2 (Sandler et al., 2018), in evaluation mode.</summary>
internal sealed record MobileNetV2 : Architecture
{
    private static readonly (int Expansion, int Width, int Blocks, int Stride)[] Stages =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    public override Network Describe(ImageShape input, int classes)
    {
        List<Layer> layers = [.. Block("features.0", input.Channels, 32, 3, stride: 2)];
        var before = 32;
        foreach (var (expansion, width, blocks, first) in Stages)
            for (var block = 0; block < blocks; block++)
            {
                var (name, stride, wide) = ($"features.{layers.Count}", block == 0 ? first : 1, before * expansion);
                ValueList<Layer> body =
                [
                    .. expansion == 1 ? [] : Block($"{name}.expand", before, wide, 1),
                    .. Block($"{name}.depthwise", wide, wide, 3, stride, groups: wide),
                    new Conv2d($"{name}.project", wide, width, 1, Bias: false), new BatchNorm2d($"{name}.norm", width),
                ];
                layers.AddRange(stride == 1 && before == width ? [new Residual(body, [])] : body);
                before = width;
            }
        return new(input, classes,
            [.. layers, .. Block("features.18", before, 1280, 1), new GlobalAvgPool2d(), new Flatten(),
            new Linear("classifier.1", 1280, classes)]);
    }

    private static Layer[] Block(string name, int before, int width, int kernel, int stride = 1, int groups = 1) =>
    [
        new Conv2d($"{name}.0", before, width, kernel, stride, kernel / 2, Groups: groups, Bias: false),
        new BatchNorm2d($"{name}.1", width), new Activation(ActivationKind.ReLU6),
    ];

    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initializer.KaimingFanIn(spec, generator);
}

/// <summary>torchvision's VGG-11 (Simonyan and Zisserman, 2015), in evaluation mode.</summary>
internal sealed record Vgg11 : Architecture
{
    /// <summary>Units of the hidden linear layers behind a pooling to 7x7; 0 for one linear layer on the mean of each channel.</summary>
    public int Hidden { get; init; } = 4096;

    public override Network Describe(ImageShape input, int classes)
    {
        List<Layer> layers = [];
        var before = input.Channels;
        foreach (var (width, pooled) in ((int, bool)[])[(64, true), (128, true), (256, false), (256, true), (512, false), (512, true),
            (512, false), (512, true)])
        {
            layers.AddRange([new Conv2d($"features.{layers.Count}", before, width, 3, Padding: 1), new Activation(ActivationKind.ReLU)]);
            if (pooled)
                layers.Add(new MaxPool2d(2, 2));
            before = width;
        }
        layers.AddRange(Hidden == 0 ? [new GlobalAvgPool2d(), new Flatten(), new Linear("classifier", 512, classes)] :
        [
            new AdaptiveAvgPool2d(7, 7), new Flatten(),
            new Linear("classifier.0", 25088, Hidden), new Activation(ActivationKind.ReLU),
            new Linear("classifier.3", Hidden, Hidden), new Activation(ActivationKind.ReLU), new Linear("classifier.6", Hidden, classes),
        ]);
        return new(input, classes, layers.ToValueList());
    }

    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initializer.KaimingFanIn(spec, generator);
}
