using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// A parameter laid out where the numbers of one image stand that it belongs to: rows of pixels in channels-last order, as many as differ.
/// </summary>
/// <param name="offset">Where the parameter lies in the flat vector; negative for one that the layer does not have.</param>
/// <param name="places">For every number of these rows its place in the parameter.</param>
internal sealed unsafe class Field<T>(long offset, int[] places) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int count = places.Max() + 1;

    public int Length => places.Length;

    public bool Exists => offset >= 0;

    /// <summary>Lays the parameter out.</summary>
    public void Spread(T* parameters, T* to)
    {
        for (var i = 0; Exists && i < places.Length; i++)
            to[i] = parameters[offset + places[i]];
    }

    /// <summary>Sums what belongs to each number of the parameter into the gradient.</summary>
    public void Gather(T* sums, T* gradient)
    {
        if (!Exists)
            return;
        new Span<T>(gradient + offset, count).Clear();
        for (var i = 0; i < places.Length; i++)
            gradient[offset + places[i]] += sums[i];
    }

    /// <summary>For a parameter that broadcasts to activations of a shape as PyTorch's do.</summary>
    public static Field<T> Of(long offset, IReadOnlyList<long> parameter, long[] shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = 1; i <= Math.Min(shape.Length, parameter.Count); i++)
        {
            strides[^i] = parameter[^i] == 1 ? 0 : stride;
            stride *= parameter[^i];
        }
        var places = new List<int>();
        var (channel, row, column) = shape.Length == 3 ? (strides[0], strides[1], strides[2])
            : shape.Length == 2 ? (strides[1], 0, strides[0]) : (strides[0], 0, 0);
        var (channels, height, width) = shape.Length == 3 ? (shape[0], shape[1], shape[2])
            : shape.Length == 2 ? (shape[1], 1, shape[0]) : (shape[0], 1, 1);
        for (var y = 0; y < (row == 0 ? 1 : height); y++)
            for (var x = 0; x < width; x++)
                for (var c = 0; c < channels; c++)
                    places.Add((int)(c * channel + y * row + x * column));
        return new(offset, [.. places]);
    }
}
