namespace Afterimage.Numerics;

/// <summary>How a model's parameters lie in one flat vector, one after the other in the model's order.</summary>
public sealed class TensorLayout
{
    /// <summary>Lays tensors out in the order given.</summary>
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

    /// <summary>One parameter's place.</summary>
    /// <param name="Name">PyTorch's name, such as conv1.weight.</param>
    /// <param name="Shape">The parameter's shape.</param>
    /// <param name="Offset">Index of its first number in the flat vector.</param>
    /// <param name="Count">How many numbers it has.</param>
    public sealed record Entry(string Name, long[] Shape, long Offset, long Count);

    /// <summary>The parameters, in order.</summary>
    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>Length of the flat vector.</summary>
    public long Count { get; }

    /// <summary>The index of the parameter of this name in <see cref="Entries"/>, or -1.</summary>
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
/// flat vector, so that distances cost a few operations whatever the number of layers.
/// </summary>
/// <param name="layout">Names and shapes of the parameters.</param>
/// <param name="flat">The values, shape [layout.Count]; the set takes ownership.</param>
public sealed class GradientSet(TensorLayout layout, Tensor flat) : IDisposable
{
    private const long Block = 1 << 22;

    /// <summary>Names and shapes of the parameters.</summary>
    public TensorLayout Layout { get; } = layout;

    /// <summary>All values, shape [Layout.Count].</summary>
    public Tensor Flat { get; } = flat;

    /// <summary>A view of one parameter's values, in its own shape.</summary>
    public Tensor this[int index]
    {
        get
        {
            var entry = Layout.Entries[index];
            return Flat.narrow(0, entry.Offset, entry.Count).view(entry.Shape);
        }
    }

    /// <summary>Joins one tensor for each parameter, in the layout's order.</summary>
    public static GradientSet Gather(TensorLayout layout, IReadOnlyList<Tensor> parts) =>
        new(layout, cat([.. parts.Select(part => part.reshape(-1))]));

    /// <summary>A view of each parameter's values, in the layout's order.</summary>
    public Tensor[] Split() => [.. Enumerable.Range(0, Layout.Entries.Count).Select(i => this[i])];

    /// <summary>Every value times a factor.</summary>
    public GradientSet Scale(double factor) => new(Layout, Flat * factor);

    /// <summary>The Euclidean norm over all parameters.</summary>
    public double Norm() => Flat.norm().ToDouble();

    /// <summary>The Euclidean distance between two sets of one layout.</summary>
    /// <param name="other">The other one.</param>
    /// <param name="mask">1 for each number that counts, 0 for each that does not, shape [Layout.Count]; null where all count.</param>
    public double Distance(GradientSet other, Tensor? mask = null)
    {
        var square = 0.0;
        // Block by block, for another copy of a large model is more than many machines have.
        for (var from = 0L; from < Layout.Count; from += Block)
        {
            using var scope = Tidy.Scope();
            var count = Math.Min(Block, Layout.Count - from);
            var difference = Flat.narrow(0, from, count) - other.Flat.narrow(0, from, count);
            square += Math.Pow((mask is null ? difference : difference * mask.narrow(0, from, count)).norm().ToDouble(), 2);
        }
        return Math.Sqrt(square);
    }

    /// <summary>A copy in another precision or on another device.</summary>
    public GradientSet To(ScalarType type, Device device) => new(Layout, Flat.to(type, device, copy: true));

    /// <summary>Takes the values out of the current scope; the caller owns them from now on.</summary>
    public GradientSet Detach()
    {
        Flat.DetachFromDisposeScope();
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => Flat.Dispose();
}
