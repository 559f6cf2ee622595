namespace Afterimage.Numerics.Arrays;

/// <summary>
/// Blockwise 8-bit tensors, as NVFlare's BLOCKWISE8 quantizer and bitsandbytes make them: a byte for each number, which a table of 256
/// values turns into a share of the largest number of its block. In a file they are NAME (bytes), NAME.absmax and NAME.quant_map (or
/// NAME.code).
/// </summary>
internal static class BlockwiseQuantized
{
    private const int LargestBlock = 1 << 16;
    private const string Remedy = "export the dequantized tensors";

    /// <summary>
    /// The arrays, with quantized ones turned back into float32 (the same list where none is quantized), and by name the standard
    /// deviation of what rounding added to a number.
    /// </summary>
    /// <exception cref="AfterimageException">A table or its scales do not fit their tensor.</exception>
    public static (IReadOnlyList<NamedArray> Arrays, IReadOnlyDictionary<string, double> Deviations) Restored(
        IReadOnlyList<NamedArray> arrays, string file)
    {
        var deviations = new Dictionary<string, double>(StringComparer.Ordinal);
        var byName = arrays.GroupBy(array => array.Name).ToDictionary(group => group.Key, group => group.First());
        var parts = new HashSet<string>(StringComparer.Ordinal);
        var restored = new Dictionary<string, NamedArray>(StringComparer.Ordinal);
        foreach (var array in arrays)
            if (array.Type == ElementType.UInt8 && byName.TryGetValue(array.Name + ".absmax", out var largest)
                && (byName.GetValueOrDefault(array.Name + ".quant_map") ?? byName.GetValueOrDefault(array.Name + ".code")) is { } table)
            {
                parts.UnionWith([largest.Name, table.Name]);
                (restored[array.Name], deviations[array.Name]) = Restored(array, largest.ToSingle(), table.ToSingle(), file);
            }
        return (restored.Count == 0 ? arrays
            : [.. arrays.Where(array => !parts.Contains(array.Name)).Select(array => restored.GetValueOrDefault(array.Name, array))],
            deviations);
    }

    private static (NamedArray Array, double Deviation) Restored(NamedArray array, float[] largest, float[] table, string file)
    {
        if (table.Length != 256)
            throw ArrayFault.Tensor(file, array.Name, $"is quantized by a table of {table.Length} values where 256 belong: {Remedy}");
        var block = Block(array.Count, largest.Length)
            ?? throw ArrayFault.Tensor(file, array.Name, $"has {array.Count} numbers, which {largest.Length} blocks of one size, " +
                                                         $"a power of two, do not cover: {Remedy}");
        var gaps = Gaps(table);
        var (values, squares) = (new float[array.Count], 0.0);
        for (var i = 0; i < values.Length; i++)
        {
            var (code, scale) = (array.Bytes[i], largest[i / block]);
            values[i] = table[code] * scale;
            squares += Math.Pow(gaps[code] * scale, 2) / 12;
        }
        return (NamedArray.Of(array.Name, array.Shape, values.AsSpan()), Math.Sqrt(squares / Math.Max(1, values.Length)));
    }

    /// <summary>The width of the interval that each value of the table stands for.</summary>
    private static double[] Gaps(float[] table)
    {
        var order = Enumerable.Range(0, table.Length).OrderBy(code => table[code]).ToArray();
        var gaps = new double[table.Length];
        for (var i = 0; i < order.Length; i++)
            gaps[order[i]] = ((double)table[order[Math.Min(i + 1, order.Length - 1)]] - table[order[Math.Max(i - 1, 0)]]) / 2;
        return gaps;
    }

    /// <summary>The largest block size up to the usual 4096 that makes this many blocks, or a larger one where only that does.</summary>
    private static int? Block(int count, int blocks)
    {
        for (var block = 4096; block >= 16; block /= 2)
            if ((count + block - 1) / block == blocks)
                return block;
        for (var block = 8192; block <= LargestBlock; block *= 2)
            if ((count + block - 1) / block == blocks)
                return block;
        return null;
    }
}
