using Afterimage.Numerics.Arrays;

namespace Afterimage.Models;

/// <summary>A model that Afterimage builds itself: layers under PyTorch's names, initialized from PyTorch's distributions.</summary>
public abstract record Architecture : ModelSource
{
    /// <summary>Whether the last linear layer has a bias, whose gradient tells labels and scale.</summary>
    public bool HeadBias { get; init; } = true;

    /// <summary>The layers for images of this shape, with a bias in the head.</summary>
    /// <exception cref="AfterimageException">The architecture does not fit the images.</exception>
    public abstract Network Describe(ImageShape input, int classes);

    /// <summary>The initial value of one parameter, float32 on the CPU.</summary>
    protected abstract Tensor Draw(ParameterSpec spec, Generator generator);

    /// <inheritdoc/>
    public sealed override ModelShapes Shapes(ImageShape? input = null)
    {
        if (Weights is null)
            return ModelShapes.Unknown;
        var arrays = ArrayFile.Read(Weights).Arrays;
        var shapes = ArrayNames.WithoutWrappers(arrays.Select(array => array.Name)).Zip(arrays.Select(array => array.Shape))
            .GroupBy(pair => pair.First).ToDictionary(group => group.Key, group => group.First().Second);
        return ModelShapes.Search(null, input, shape => Outputs(shape, shapes));
    }

    /// <summary>The layers as they are configured.</summary>
    private Network Described(ImageShape input, int classes) =>
        Describe(input, classes) is var network && !HeadBias && network.Layers[^1] is Linear head
            ? network with { Layers = [.. network.Layers.SkipLast(1), head with { Bias = false }] } : network;

    /// <summary>The classes with which all parameters have the shapes of the file; null where they have others for such images.</summary>
    private int? Outputs(ImageShape input, Dictionary<string, ValueList<long>> stored)
    {
        try
        {
            var head = Described(input, 2).Parameters.Last(spec => spec.Shape.Count == 2);
            if (!stored.TryGetValue(ArrayNames.WithoutWrappers([head.Name])[0], out var shape) || shape is not [var classes, ..])
                return null;
            var parameters = Described(input, (int)classes).Parameters.ToArray();
            return ArrayNames.WithoutWrappers(parameters.Select(spec => spec.Name)).Zip(parameters)
                .All(pair => stored.TryGetValue(pair.First, out var found) && found.SequenceEqual(pair.Second.Shape)) ? (int)classes : null;
        }
        catch (AfterimageException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public sealed override VictimModel Open(ImageShape input, int classes, RandomSource random, ScalarType type, Device device)
    {
        Settings.Check(this);
        using var _ = NewDisposeScope();
        using var generator = random.Derive("initialization").Generator(CPU);
        var network = Described(input, classes).Checked();
        var initial = network.Parameters.Concat(network.Buffers).ToDictionary(spec => spec.Name, spec => Draw(spec, generator));
        foreach (var (name, array) in Stored(initial.Select(pair => (pair.Key, pair.Value.shape))))
            initial[name] = array.ToTensor(type, device);
        return new NetworkModel(network, Normalization ?? Models.Normalization.None(input.Channels),
            [.. network.Parameters.Select(spec => initial[spec.Name].to(type, device))],
            network.Buffers.ToDictionary(spec => spec.Name, spec => initial[spec.Name].to(type, device)));
    }
}
