namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>The numbers of one or several tensors, which lie beside the pickle and are read when a tensor is asked for.</summary>
/// <param name="key">Its name in the file.</param>
/// <param name="type">How a number is stored; null for types that are not read.</param>
/// <param name="typeName">The type's name for errors.</param>
/// <param name="count">Numbers in it, as the pickle says.</param>
/// <param name="read">The bytes, little-endian.</param>
internal sealed class TorchStorage(string key, ElementType? type, string typeName, long count, Func<TorchStorage, byte[]> read)
{
    private byte[]? bytes;

    public string Key => key;

    public ElementType? Type => type;

    public string TypeName => typeName;

    public long Count => count;

    /// <summary>The bytes that the pickle promises; null when that is no possible number.</summary>
    public long? Length => (type ?? ElementType.UInt8).Bytes([count]);

    /// <summary>Whether the numbers stand in the pickle itself, where many tensors can name the same ones.</summary>
    public bool IsInPickle { get; init; }

    public byte[] Bytes => bytes ??= read(this);

    /// <summary>Turns every number of a big-endian storage around, in place.</summary>
    public static byte[] Reversed(byte[] bytes, int size)
    {
        for (var i = 0; i + size <= bytes.Length; i += size)
            bytes.AsSpan(i, size).Reverse();
        return bytes;
    }
}
