namespace Afterimage.Models;

/// <summary>
/// The ConvNet of Inverting Gradients (Geiping et al., 2020): eight 3x3 convolutions with BatchNorm and ReLU, two 3x3 max
/// poolings and one linear layer. Parameter names are those of the published code: model.conv0, model.bn0, ..., model.linear.
/// </summary>
[Cites("geiping2020inverting")]
public sealed record ConvNet : Architecture
{
    /// <summary>Channels of the first convolution; the published results use 64.</summary>
    [Range(1, 1024)]
    public int Width { get; init; } = 64;

    /// <inheritdoc/>
    public override Network Describe(ImageShape input, int classes)
    {
        int[] channels = [input.Channels, Width, 2 * Width, 2 * Width, 4 * Width, 4 * Width, 4 * Width, 4 * Width, 4 * Width];
        var layers = new List<Layer>();
        for (var i = 0; i < 8; i++)
        {
            layers.Add(new Conv2d($"model.conv{i}", channels[i], channels[i + 1], 3, Padding: 1));
            layers.Add(new BatchNorm2d($"model.bn{i}", channels[i + 1]));
            layers.Add(new Activation(ActivationKind.ReLU));
            if (i is 5 or 7)
                layers.Add(new MaxPool2d(3, 3));
        }
        layers.Add(new Flatten());
        return new(input, classes, [.. layers, new Linear("model.linear", (int)Network.Follow(input, layers)[0], classes)]);
    }

    /// <inheritdoc/>
    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initializer.Default(spec, generator);
}
