using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>What an inverter is given of an update: one vector of numbers, made of several parts.</summary>
internal abstract class UpdateReading : IDisposable
{
    /// <summary>Numbers of every part.</summary>
    public abstract ValueList<int> Widths { get; }

    /// <summary>The numbers of one update, [sum of the widths], float32.</summary>
    public abstract Tensor Of(GradientSet update);

    public void Dispose() => Dispose(true);

    protected virtual void Dispose(bool disposing) { }

    /// <summary>The part of the update of each layer of a model: tensors whose names differ in their last part alone.</summary>
    public static IReadOnlyList<(long From, long Count)> Layers(TensorLayout layout)
    {
        var layers = new List<(string Name, long From, long Count)>();
        foreach (var entry in layout.Entries)
        {
            var name = entry.Name.LastIndexOf('.') is > 0 and var dot ? entry.Name[..dot] : entry.Name;
            if (layers.Count > 0 && layers[^1].Name == name)
                layers[^1] = layers[^1] with { Count = layers[^1].Count + entry.Count };
            else
                layers.Add((name, entry.Offset, entry.Count));
        }
        return [.. layers.Select(layer => (layer.From, layer.Count))];
    }
}
