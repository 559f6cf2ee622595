namespace Afterimage.Models;

/// <summary>
/// Residual networks (He et al., 2016). Depth 18 is torchvision's, with basic blocks of 64 to 512 channels; depths 20, 32 and
/// 56 are the CIFAR family of 16 to 64 channels with parameter-free shortcuts ("option A"). Parameter names are those of
/// torchvision and of the common CIFAR code, so that published weights load.
/// </summary>
[Cites("he2016deep")]
public sealed record ResNet : Architecture, ISettings
{
    /// <summary>18, 20, 32 or 56.</summary>
    [AllowedValues(18, 20, 32, 56)]
    public int Depth { get; init; } = 18;

    /// <summary>The first layers of depth 18; the CIFAR family always begins with a 3x3 convolution.</summary>
    public ResNetStem Stem { get; init; } = ResNetStem.Cifar;

    /// <inheritdoc/>
    public string? Fault => Depth != 18 && Stem == ResNetStem.ImageNet
        ? $"ResNet-{Depth} is of the CIFAR family, which has no ImageNet stem: choose depth 18 or the Cifar stem." : null;

    /// <inheritdoc/>
    public override Network Describe(ImageShape input, int classes) => Depth switch
    {
        18 => new(input, classes, [.. Begin(input), .. Stages([64, 128, 256, 512], 2, ProjectedShortcut),
            new GlobalAvgPool2d(), new Flatten(), new Linear("fc", 512, classes)]),
        20 or 32 or 56 => new(input, classes, [.. ConvBnRelu("conv1", "bn1", input.Channels, 16, 1),
            .. Stages([16, 32, 64], (Depth - 2) / 6, OptionA),
            new GlobalAvgPool2d(), new Flatten(), new Linear("linear", 64, classes)]),
        _ => throw new AfterimageException($"ResNet has depths 18, 20, 32 and 56, not {Depth}."),
    };

    /// <inheritdoc/>
    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Depth == 18
        ? Initializer.KaimingFanOut(spec, generator)
        : Initializer.KaimingFanIn(spec, generator);

    private ValueList<Layer> Begin(ImageShape input) => Stem == ResNetStem.Cifar
        ? [.. ConvBnRelu("conv1", "bn1", input.Channels, 64, 1)]
        :
        [
            new Conv2d("conv1", input.Channels, 64, 7, Stride: 2, Padding: 3, Bias: false), new BatchNorm2d("bn1", 64),
            new Activation(ActivationKind.ReLU), new MaxPool2d(3, 2, 1),
        ];

    private static IEnumerable<Layer> Stages(int[] widths, int blocks, Func<string, int, int, int, ValueList<Layer>> shortcut)
    {
        var before = widths[0];
        for (var stage = 0; stage < widths.Length; stage++)
            for (var block = 0; block < blocks; block++)
            {
                var (name, width, stride) = ($"layer{stage + 1}.{block}", widths[stage], stage > 0 && block == 0 ? 2 : 1);
                yield return new Residual(
                    [
                        .. ConvBnRelu($"{name}.conv1", $"{name}.bn1", before, width, stride),
                        new Conv2d($"{name}.conv2", width, width, 3, Padding: 1, Bias: false), new BatchNorm2d($"{name}.bn2", width),
                    ],
                    before == width ? [] : shortcut(name, before, width, stride));
                yield return new Activation(ActivationKind.ReLU);
                before = width;
            }
    }

    private static ValueList<Layer> ProjectedShortcut(string name, int before, int width, int stride) =>
        [new Conv2d($"{name}.downsample.0", before, width, 1, stride, Bias: false), new BatchNorm2d($"{name}.downsample.1", width)];

    private static ValueList<Layer> OptionA(string name, int before, int width, int stride) =>
        [new PaddedShortcut(stride, (width - before) / 2, (width - before) / 2)];

    private static ValueList<Layer> ConvBnRelu(string conv, string norm, int before, int width, int stride) =>
    [
        new Conv2d(conv, before, width, 3, stride, Padding: 1, Bias: false), new BatchNorm2d(norm, width),
        new Activation(ActivationKind.ReLU),
    ];
}

/// <summary>The first layers of a <see cref="ResNet"/> of depth 18.</summary>
public enum ResNetStem
{
    /// <summary>3x3 convolution of stride 1, no pooling.</summary>
    Cifar,

    /// <summary>7x7 convolution of stride 2, then 3x3 max pooling of stride 2.</summary>
    ImageNet,
}
