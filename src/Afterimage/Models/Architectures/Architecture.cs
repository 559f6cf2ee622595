namespace Afterimage.Models;

/// <summary>A model that Afterimage builds itself: layers under PyTorch's names, initialized from PyTorch's distributions.</summary>
public abstract record Architecture : ModelSource
{
    /// <summary>The layers for images of this shape.</summary>
    /// <exception cref="AfterimageException">The architecture does not fit the images.</exception>
    public abstract Network Describe(ImageShape input, int classes);

    /// <summary>The initial value of one parameter, float32 on the CPU.</summary>
    protected abstract Tensor Draw(ParameterSpec spec, Generator generator);

    /// <inheritdoc/>
    public sealed override VictimModel Open(ImageShape input, int classes, RandomSource random, ScalarType type, Device device)
    {
        Settings.Check(this);
        using var _ = NewDisposeScope();
        using var generator = random.Derive("initialization").Generator(CPU);
        var network = Describe(input, classes).Checked();
        var initial = network.Parameters.Concat(network.Buffers).ToDictionary(spec => spec.Name, spec => Draw(spec, generator));
        foreach (var (name, array) in Stored(initial.Select(pair => (pair.Key, pair.Value.shape))))
            initial[name] = array.ToTensor(type, device);
        return new NetworkModel(network, Normalization ?? Models.Normalization.None(input.Channels),
            [.. network.Parameters.Select(spec => initial[spec.Name].to(type, device))],
            network.Buffers.ToDictionary(spec => spec.Name, spec => initial[spec.Name].to(type, device)));
    }
}
