namespace Afterimage.Models;

/// <summary>
/// A multilayer perceptron with the parameter names of torch.nn.Sequential(Flatten, Linear, activation, Dropout, Linear, ...),
/// where Dropout is left out when its rate is 0.
/// </summary>
public sealed record Mlp : Architecture
{
    /// <summary>Number of linear layers including the head; at least 1.</summary>
    [Range(1, 200)]
    public int Depth { get; init; } = 4;

    /// <summary>Features of each hidden layer.</summary>
    [Range(1, 65536)]
    public int Width { get; init; } = 256;

    /// <summary>The activation after each hidden layer.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.ReLU;

    /// <summary>Rate in [0,1) of dropout after each hidden layer; 0 adds no dropout.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public override Network Describe(ImageShape input, int classes)
    {
        var layers = new List<Layer> { new Flatten() };
        for (var i = 0; i < Depth; i++)
        {
            if (i > 0)
                layers.Add(new Activation(Activation));
            if (i > 0 && Dropout != 0)
                layers.Add(new Dropout($"{layers.Count}", Dropout));
            layers.Add(new Linear($"{layers.Count}", i == 0 ? input.Count : Width, i == Depth - 1 ? classes : Width));
        }
        return new(input, classes, layers.ToValueList());
    }

    /// <inheritdoc/>
    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initializer.Default(spec, generator);
}
