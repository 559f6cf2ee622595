namespace Afterimage.Models;

/// <summary>A multilayer perceptron; names are those of torch.nn.Sequential(Flatten, Linear, activation, Linear, ...), with Dropout after each activation where there is any.</summary>
public sealed record Mlp : Architecture
{
    /// <summary>Linear layers, the head among them; at least 1.</summary>
    public int Depth { get; init; } = 4;

    /// <summary>Features of each hidden layer.</summary>
    public int Width { get; init; } = 256;

    public ActivationKind Activation { get; init; } = ActivationKind.ReLU;

    /// <summary>In [0,1): how many features of each hidden layer a client in train mode drops; 0 adds no dropout.</summary>
    public double Dropout { get; init; }

    public override Network Describe(ImageShape input, int classes)
    {
        if (Depth < 1 || Width < 1)
            throw new AfterimageException($"An Mlp needs at least one layer of one feature; it has depth {Depth} and width {Width}.");
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

    protected override Tensor Draw(ParameterSpec spec, Generator generator) => Initializer.Default(spec, generator);
}
