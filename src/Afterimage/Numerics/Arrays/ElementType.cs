namespace Afterimage.Numerics.Arrays;

/// <summary>How one number of an array is stored.</summary>
internal enum ElementType { Bool, UInt8, UInt16, UInt32, UInt64, Int8, Int16, Int32, Int64, Float16, BFloat16, Float32, Float64 }

internal static class ElementTypes
{
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Bool or ElementType.UInt8 or ElementType.Int8 => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.UInt32 or ElementType.Int32 or ElementType.Float32 => 4,
        _ => 8,
    };

    /// <summary>Bytes of an array of this shape; null when an extent is negative or the product does not fit.</summary>
    public static long? Bytes(this ElementType type, ReadOnlySpan<long> shape)
    {
        Int128 product = type.Size();
        var empty = false;
        foreach (var extent in shape)
        {
            if (extent < 0)
                return null;
            empty |= extent == 0;
            if (extent != 0)
                product *= extent;
            if (product > long.MaxValue)
                return null;
        }
        return empty ? 0 : (long)product;
    }
}
