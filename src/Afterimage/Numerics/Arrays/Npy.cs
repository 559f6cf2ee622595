using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Afterimage.Numerics.Arrays;

/// <summary>NumPy's array file (format versions 1 to 3), without pickled objects.</summary>
internal static class Npy
{
    private const int LongestHeader = 1 << 16;
    private static ReadOnlySpan<byte> Magic => "NUMPY"u8;

    /// <summary>Reads one array; column-major ("Fortran") order becomes row-major, big-endian becomes little-endian.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">What errors call the file.</param>
    /// <param name="name">What the array is called.</param>
    /// <exception cref="AfterimageException">The file is truncated, malformed, or holds objects.</exception>
    public static NamedArray Read(ReadOnlySpan<byte> bytes, string file, string name)
    {
        if (!IsNpy(bytes) || bytes.Length < 10)
            throw ArrayFault.Tensor(file, name,
                "is not a NumPy array (it does not begin with \\x93NUMPY): save it with numpy.savez or numpy.save");
        var version = bytes[6];
        if (version is < 1 or > 3)
            throw ArrayFault.Tensor(file, name, $"has the NumPy format version {version}; 1 to 3 are read");
        var start = version == 1 ? 10 : 12;
        var length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..])
            : bytes.Length < 12 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (length > Math.Min(LongestHeader, bytes.Length - start))
            throw ArrayFault.Tensor(file, name, $"is cut or damaged: it claims a header of {length} bytes");
        var header = new NpyHeader(Encoding.UTF8.GetString(bytes.Slice(start, (int)length)), file, name);
        var data = bytes[(start + (int)length)..];
        if (header.Shape.Length > 64 || header.Type.Bytes(header.Shape) is not { } expected)
            throw ArrayFault.Tensor(file, name, $"has the impossible shape {ArrayFault.Plain(ArrayFault.Shape(header.Shape))}");
        if (data.Length != expected)
            throw ArrayFault.Tensor(file, name,
                $"has {data.Length} bytes of numbers, but shape {ArrayFault.Shape(header.Shape)} of {header.Type} needs {expected}");
        var size = header.Type.Size();
        var numbers = header.ColumnMajor && header.Shape.Length > 1 ? RowMajor(data, header.Shape, size) : data.ToArray();
        if (header.BigEndian)
            for (var i = 0; i < numbers.Length; i += size)
                numbers.AsSpan(i, size).Reverse();
        return new(name, header.Shape.ToValueList(), header.Type, numbers);
    }

    /// <summary>Whether a file begins like a NumPy array.</summary>
    public static bool IsNpy(ReadOnlySpan<byte> bytes) => bytes.Length >= 6 && bytes[0] == 0x93 && bytes[1..6].SequenceEqual(Magic);

    private static byte[] RowMajor(ReadOnlySpan<byte> columnMajor, long[] shape, int size)
    {
        var numbers = new byte[columnMajor.Length];
        var strides = new long[shape.Length];
        var stride = (long)size;
        for (var d = 0; d < shape.Length; d++)
            (strides[d], stride) = (stride, stride * shape[d]);
        var index = new long[shape.Length];
        var from = 0L;
        for (var to = 0; to < numbers.Length; to += size)
        {
            columnMajor.Slice((int)from, size).CopyTo(numbers.AsSpan(to));
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++index[d] < shape[d])
                    break;
                from -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        return numbers;
    }

    /// <summary>Writes one array in format version 1.</summary>
    /// <exception cref="AfterimageException">NumPy has no bfloat16.</exception>
    public static void Write(Stream stream, NamedArray array)
    {
        var shape = string.Concat(array.Shape.Select(extent => extent.ToString(CultureInfo.InvariantCulture) + ", ")).TrimEnd();
        if (array.Shape.Count > 1)
            shape = shape.TrimEnd(',');
        var text = $"{{'descr': '{Descriptor(array)}', 'fortran_order': False, 'shape': ({shape}), }}";
        text = text.PadRight((text.Length + 11 + 63) / 64 * 64 - 11) + "\n";
        stream.Write([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, (byte)text.Length, (byte)(text.Length >> 8)]);
        stream.Write(Encoding.ASCII.GetBytes(text));
        stream.Write(array.Bytes);
    }

    private static string Descriptor(NamedArray array)
    {
        var kind = array.Type switch
        {
            ElementType.Bool => 'b',
            ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64 => 'u',
            ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64 => 'i',
            ElementType.BFloat16 =>
                throw new AfterimageException($"Array \"{array.Name}\" is bfloat16, which NumPy files cannot hold: write safetensors."),
            _ => 'f',
        };
        var size = array.Type.Size();
        return $"{(size == 1 ? '|' : '<')}{kind}{size}";
    }
}
