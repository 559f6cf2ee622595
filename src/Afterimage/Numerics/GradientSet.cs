namespace Afterimage.Numerics;

/// <summary>Names, shapes and places of a model's parameters inside one flat vector, in the model's order.</summary>
public sealed class TensorLayout
{
    public TensorLayout(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var offset = 0L;
        var entries = new List<Entry>();
        foreach (var (name, shape) in tensors)
        {
            var count = shape.Aggregate(1L, (product, n) => product * n);
            entries.Add(new(name, shape, offset, count));
            offset += count;
        }
        Entries = entries;
        Count = offset;
    }

    public sealed record Entry(string Name, long[] Shape, long Offset, long Count);

    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>Numbers in the flat vector: the count of all parameters.</summary>
    public long Count { get; }

    public int IndexOf(string name)
    {
        for (var i = 0; i < Entries.Count; i++)
            if (Entries[i].Name == name)
                return i;
        return -1;
    }
}

/// <summary>
/// One value for every parameter of a model: a gradient, a weight difference, or a direction in that space. Stored as one
/// flat vector of shape [Layout.Count], so that distances cost a few operations whatever the number of layers.
/// </summary>
public sealed class GradientSet(TensorLayout layout, Tensor flat) : IDisposable
{
    public TensorLayout Layout { get; } = layout;

    public Tensor Flat { get; } = flat;

    /// <summary>A view of one parameter's value, in its own shape.</summary>
    public Tensor this[int index]
    {
        get
        {
            var entry = Layout.Entries[index];
            return Flat.narrow(0, entry.Offset, entry.Count).view(entry.Shape);
        }
    }

    public static GradientSet Gather(TensorLayout layout, IReadOnlyList<Tensor> parts) =>
        new(layout, cat([.. parts.Select(part => part.reshape(-1))]));

    public Tensor[] Split() => [.. Enumerable.Range(0, Layout.Entries.Count).Select(i => this[i])];

    public GradientSet Scale(double factor) => new(Layout, Flat * factor);

    public double Norm() => Flat.norm().ToDouble();

    /// <summary>A copy in another precision or on another device.</summary>
    public GradientSet To(ScalarType type, Device device) => new(Layout, Flat.to(type, device, copy: true));

    /// <summary>Takes the numbers out of the current scope: the caller owns them from now on.</summary>
    public GradientSet Detach()
    {
        Flat.DetachFromDisposeScope();
        return this;
    }

    public void Dispose() => Flat.Dispose();
}
