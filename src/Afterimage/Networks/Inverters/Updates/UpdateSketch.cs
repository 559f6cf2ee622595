using System.Runtime.InteropServices;

namespace Afterimage.Networks;

/// <summary>
/// A count sketch (Charikar, Chen and Farach-Colton, 2002): every number of an update is added, with a random sign, to a random bucket. It
/// is linear, and keeps inner products in the mean over seeds; without the signs it would not. What fits into its buckets stays as it is.
/// </summary>
[Cites("charikar2002finding")]
internal sealed class UpdateSketch : UpdateReading
{
    private readonly int[] places;

    /// <param name="layout">The parameters whose update is sketched.</param>
    /// <param name="size">Buckets at most.</param>
    /// <param name="byLayer">Whether every layer has buckets of its own.</param>
    /// <param name="seed">Chooses buckets and signs.</param>
    public UpdateSketch(TensorLayout layout, int size, bool byLayer, ulong seed)
    {
        long[] counts = byLayer ? [.. Layers(layout).Select(layer => layer.Count)] : [layout.Count];
        Widths = Shares(counts, size);
        places = new int[layout.Count];
        var (from, bucket) = (0L, 0);
        foreach (var (count, width) in counts.Zip(Widths))
        {
            for (var i = from; i < from + count; i++)
                places[i] = Place(i, from, bucket, width, count <= width, seed);
            (from, bucket) = (from + count, bucket + width);
        }
        Size = bucket;
    }

    /// <summary>Buckets of every part: of the whole update, or of one layer after the other.</summary>
    public override ValueList<int> Widths { get; }

    /// <summary>All buckets.</summary>
    public int Size { get; }

    /// <summary>Writes the sketch of an update, which is as long as the layout.</summary>
    public void Write(ReadOnlySpan<float> update, Span<float> buckets)
    {
        buckets.Clear();
        for (var i = 0; i < places.Length; i++)
            buckets[places[i] >> 1] += (places[i] & 1) == 0 ? update[i] : -update[i];
    }

    /// <summary>The sketch of an update in any precision, [Size], float32.</summary>
    public override Tensor Of(GradientSet update)
    {
        var buckets = new float[Size];
        Write(MemoryMarshal.Cast<byte, float>(update.Flat.detach().to(ScalarType.Float32, CPU).contiguous().bytes), buckets);
        return tensor(buckets);
    }

    // A number's bucket depends on its index and the seed alone, whatever else is hashed and in whatever order.
    private static int Place(long index, long from, int bucket, int width, bool isWhole, ulong seed)
    {
        if (isWhole)
            return (int)(bucket + index - from) << 1;
        var hash = Mixed(seed + 0x9E3779B97F4A7C15 * (ulong)(index + 1));
        return (bucket + (int)((hash >> 33) % (ulong)width)) << 1 | (int)(hash & 1);
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).</summary>
    private static ulong Mixed(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>Equal shares; what a small part leaves of its own goes to the larger ones.</summary>
    private static ValueList<int> Shares(long[] counts, int size)
    {
        var widths = new int[counts.Length];
        var left = size;
        foreach (var (place, rank) in Enumerable.Range(0, counts.Length).OrderBy(i => counts[i]).Select((place, rank) => (place, rank)))
        {
            widths[place] = (int)Math.Min(counts[place], Math.Max(1, left / (counts.Length - rank)));
            left -= widths[place];
        }
        return widths.ToValueList();
    }
}
