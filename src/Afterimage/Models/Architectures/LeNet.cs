namespace Afterimage.Models;

/// <summary>
/// The LeNet of Deep Leakage from Gradients (Zhu et al., 2019): three 5x5 convolutions of 12 channels with sigmoids and one
/// linear layer. It is smooth, which L-BFGS needs. Parameter names are those of the published code: body.0, body.2, body.4, fc.0.
/// </summary>
[Cites("zhu2019deep")]
public sealed record LeNet : Architecture
{
    /// <summary>The distribution of the initial weights.</summary>
    public LeNetInitialization Initialization { get; init; } = LeNetInitialization.Uniform;

    /// <summary>The activation after each convolution.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Sigmoid;

    /// <summary>Rate in [0,1) of dropout before the linear layer; 0 adds no dropout.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public override Network Describe(ImageShape input, int classes)
    {
        var activation = new Activation(Activation);
        ValueList<Layer> body =
        [
            new Conv2d("body.0", input.Channels, 12, 5, Stride: 2, Padding: 2), activation,
            new Conv2d("body.2", 12, 12, 5, Stride: 2, Padding: 2), activation,
            new Conv2d("body.4", 12, 12, 5, Stride: 1, Padding: 2), activation,
            new Flatten(),
            .. Dropout == 0 ? (Layer[])[] : [new Dropout("dropout", Dropout)],
        ];
        return new(input, classes, [.. body, new Linear("fc.0", (int)Network.Follow(input, body)[0], classes)]);
    }

    /// <inheritdoc/>
    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initialization == LeNetInitialization.Uniform
        ? Initializer.Uniform(spec, 0.5, generator)
        : Initializer.Default(spec, generator);
}

/// <summary>How a <see cref="LeNet"/> is initialized.</summary>
public enum LeNetInitialization
{
    /// <summary>U(-0.5, 0.5) for weights and biases, as published.</summary>
    Uniform,

    /// <summary>PyTorch's default.</summary>
    Default,
}
