using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// A model's weights in the memory layouts that compiled plans read. It is immutable, and plans on any number of threads
/// share it; dispose of it after them.
/// </summary>
internal sealed unsafe class CompiledModel<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Arena<T> arena = new();
    private readonly Dictionary<string, (Filters<T>, PackedFilters<T>)> convolutions = [];
    private readonly Dictionary<string, long> places;
    private readonly IReadOnlyDictionary<string, T[]> buffers;

    /// <param name="network">The layers.</param>
    /// <param name="normalization">What to do to images, which are in [0,1], before the first layer.</param>
    /// <param name="parameters">All parameters, flat, in the network's order.</param>
    /// <param name="buffers">BatchNorm statistics by name.</param>
    /// <param name="mode">Whether BatchNorm uses these statistics or the batch's own; in train mode there may be no dropout.</param>
    public CompiledModel(Network network, Normalization normalization, ReadOnlySpan<T> parameters, IReadOnlyDictionary<string, T[]> buffers,
        ModelMode mode)
    {
        Mode = mode;
        Network = network.Checked();
        Normalization = normalization;
        Layout = network.Layout();
        places = Layout.Entries.ToDictionary(entry => entry.Name, entry => entry.Offset);
        if (parameters.Length != Layout.Count)
            throw new AfterimageException($"The network has {Layout.Count} parameters, but {parameters.Length} were given.");
        if (network.Buffers.FirstOrDefault(spec => !buffers.ContainsKey(spec.Name)) is { } missing)
            throw new AfterimageException($"The buffer {missing.Name} is missing: give the running statistics of every BatchNorm layer.");
        this.buffers = buffers;
        Parameters = arena.Take(parameters.Length);
        parameters.CopyTo(new Span<T>(Parameters, parameters.Length));
    }

    public Network Network { get; }

    public Normalization Normalization { get; }

    public TensorLayout Layout { get; }

    public ModelMode Mode { get; }

    internal T* Parameters { get; }

    /// <summary>A plan for batches of one size, for one thread at a time; the caller owns it.</summary>
    /// <param name="batch">Images.</param>
    /// <param name="loss">One with a <see cref="Loss.Link"/>; the mean cross-entropy where none is given.</param>
    public CompiledPlan<T> Plan(int batch, Loss? loss = null) => new(this, batch, loss ?? new CrossEntropy());

    internal (Filters<T> Filters, PackedFilters<T> Weights) Convolution(Conv2d layer)
    {
        lock (convolutions)
        {
            if (!convolutions.TryGetValue(layer.Name, out var found))
            {
                var filters = new Filters<T>(layer, Weight(layer.Name), Bias(layer.Name));
                var weights = new PackedFilters<T>(arena, filters);
                weights.Load(Parameters);
                convolutions.Add(layer.Name, found = (filters, weights));
            }
            return found;
        }
    }

    /// <summary>Index of a layer's weight in the flat vector.</summary>
    internal long Weight(string layer) => places.TryGetValue(layer + ".weight", out var place) ? place : places[layer + "_weight"];

    /// <summary>Index of a layer's bias in the flat vector, or -1.</summary>
    internal long Bias(string layer) => places.TryGetValue(layer + ".bias", out var place) ? place
        : places.GetValueOrDefault(layer + "_bias", -1);

    /// <summary>Index of a parameter in the flat vector.</summary>
    internal long Place(string parameter) => places[parameter];

    internal T[] Buffer(string name) => buffers[name];

    public void Dispose() => arena.Dispose();
}

/// <summary>Makes compiled models.</summary>
internal static class CompiledModel
{
    /// <summary>Copies a model of known layers whose parameters are of type <typeparamref name="T"/>, on any device.</summary>
    public static CompiledModel<T> Of<T>(VictimModel model, ModelMode mode = ModelMode.Eval)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (model.Network is not { } network)
            throw new AfterimageException(
                "This model's graph is not made of known layers, so it cannot be compiled: use the autograd operator.");
        using var _ = NewDisposeScope();
        var flat = cat([.. model.Parameters.Select(parameter => parameter.detach().reshape(-1).cpu())]);
        return new CompiledModel<T>(network, model.Normalization, flat.data<T>().ToArray(),
            model.Buffers.ToDictionary(pair => pair.Key, pair => pair.Value.to(flat.dtype).cpu().contiguous().data<T>().ToArray()), mode);
    }
}
