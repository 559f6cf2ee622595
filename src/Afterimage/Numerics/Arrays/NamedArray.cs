using System.Runtime.InteropServices;

namespace Afterimage.Numerics.Arrays;

/// <summary>One array of a file: a name, a shape, and numbers as they are stored, row-major and little-endian.</summary>
public sealed class NamedArray
{
    private readonly byte[] bytes;

    /// <summary>Wraps the bytes of a file.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="shape">Extents; empty for a scalar.</param>
    /// <param name="type">How a number is stored.</param>
    /// <param name="bytes">The numbers, row-major and little-endian; not copied.</param>
    /// <exception cref="AfterimageException">The bytes are not as many as the shape asks for.</exception>
    internal NamedArray(string name, ValueList<long> shape, ElementType type, byte[] bytes)
    {
        if (type.Bytes(shape.Span) != bytes.Length)
            throw new AfterimageException($"Array \"{name}\" of shape {shape} and type {type} cannot be made of {bytes.Length} bytes.");
        (Name, Shape, Type, this.bytes) = (name, shape, type, bytes);
    }

    /// <summary>Its name in the file.</summary>
    public string Name { get; }

    /// <summary>Extents; empty for a scalar.</summary>
    public ValueList<long> Shape { get; }

    /// <summary>How a number is stored.</summary>
    internal ElementType Type { get; }

    /// <summary>How many numbers it holds.</summary>
    public int Count => bytes.Length / Type.Size();

    /// <summary>The numbers as stored: row-major, little-endian.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>A float32 array of these values, row-major.</summary>
    public static NamedArray Of(string name, ValueList<long> shape, ReadOnlySpan<float> values) =>
        new(name, shape, ElementType.Float32, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A float64 array of these values, row-major.</summary>
    public static NamedArray Of(string name, ValueList<long> shape, ReadOnlySpan<double> values) =>
        new(name, shape, ElementType.Float64, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>An int64 array of these values, row-major.</summary>
    public static NamedArray Of(string name, ValueList<long> shape, ReadOnlySpan<long> values) =>
        new(name, shape, ElementType.Int64, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A copy of a tensor from any device; float64 stays, every other type becomes float32.</summary>
    public static NamedArray Of(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        var plain = values.detach().cpu().contiguous();
        var shape = values.shape.ToValueList();
        return plain.dtype == ScalarType.Float64 ? Of(name, shape, plain.data<double>().ToArray())
            : Of(name, shape, plain.to(ScalarType.Float32).data<float>().ToArray());
    }

    /// <summary>The same numbers rounded to half precision.</summary>
    public static NamedArray Halved(NamedArray array) => new(array.Name, array.Shape, ElementType.Float16,
        MemoryMarshal.AsBytes(Array.ConvertAll(array.ToSingle(), value => (Half)value).AsSpan()).ToArray());

    /// <summary>The same numbers under another name.</summary>
    public NamedArray Renamed(string name) => new(name, Shape, Type, bytes);

    /// <summary>The values rounded to single precision, row-major.</summary>
    public float[] ToSingle() => Type == ElementType.Float32
        ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
        : Array.ConvertAll(ToDouble(), value => (float)value);

    /// <summary>The values in double precision, row-major; true is 1.</summary>
    public double[] ToDouble() => Type switch
    {
        ElementType.Float64 => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
        ElementType.Float32 => Convert<float>(value => value),
        ElementType.Float16 => Convert<Half>(value => (double)value),
        ElementType.BFloat16 => Convert<ushort>(value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
        ElementType.Int64 => Convert<long>(value => value),
        ElementType.Int32 => Convert<int>(value => value),
        ElementType.Int16 => Convert<short>(value => value),
        ElementType.Int8 => Convert<sbyte>(value => value),
        ElementType.UInt64 => Convert<ulong>(value => value),
        ElementType.UInt32 => Convert<uint>(value => value),
        ElementType.UInt16 => Convert<ushort>(value => value),
        ElementType.UInt8 => Convert<byte>(value => value),
        _ => Convert<byte>(value => value == 0 ? 0 : 1),
    };

    /// <summary>The values as whole numbers, row-major.</summary>
    /// <exception cref="AfterimageException">A number is not whole, or beyond 2^53 in a floating-point array.</exception>
    public long[] ToInt64() => Type == ElementType.Int64
        ? MemoryMarshal.Cast<byte, long>(bytes).ToArray()
        : Array.ConvertAll(ToDouble(), value => value == Math.Floor(value) && Math.Abs(value) <= 1L << 53 ? (long)value
            : throw new AfterimageException($"Array \"{Name}\" holds {value} where whole numbers are needed."));

    /// <summary>How many values are NaN or infinite.</summary>
    internal int CountNotFinite() => Type switch
    {
        ElementType.Float64 => Number<double>(value => !double.IsFinite(value)),
        ElementType.Float32 => Number<float>(value => !float.IsFinite(value)),
        ElementType.Float16 => Number<Half>(value => !Half.IsFinite(value)),
        ElementType.BFloat16 => Number<ushort>(value => (value & 0x7F80) == 0x7F80),
        _ => 0,
    };

    /// <summary>Whether every value is zero, of either sign.</summary>
    internal bool IsZero => Type switch
    {
        ElementType.Float64 => Number<double>(value => value != 0) == 0,
        ElementType.Float32 => Number<float>(value => value != 0) == 0,
        ElementType.Float16 or ElementType.BFloat16 => Number<ushort>(value => (value & 0x7FFF) != 0) == 0,
        _ => !bytes.AsSpan().ContainsAnyExcept((byte)0),
    };

    private int Number<T>(Func<T, bool> counts) where T : struct
    {
        var found = 0;
        foreach (var value in MemoryMarshal.Cast<byte, T>(bytes))
            found += counts(value) ? 1 : 0;
        return found;
    }

    /// <summary>A fresh tensor of this shape.</summary>
    public Tensor ToTensor(ScalarType type, Device device)
    {
        using var plain = Plain();
        return plain.to(type, device, copy: true);
    }

    /// <summary>Copies the numbers to a tensor that holds as many, whatever its precision.</summary>
    internal void CopyTo(Tensor there)
    {
        using var plain = Plain();
        using var flat = plain.view(there.shape);
        there.copy_(flat);
    }

    /// <summary>As stored where libtorch has the type, so that a large array is copied once; otherwise in double precision.</summary>
    private Tensor Plain()
    {
        if (Count == 0 || Type is not (ElementType.Float32 or ElementType.Float64))
            return tensor(ToDouble(), Shape.ToArray());
        var plain = empty(Shape.ToArray(), Type == ElementType.Float32 ? ScalarType.Float32 : ScalarType.Float64, CPU);
        bytes.CopyTo(plain.bytes);
        return plain;
    }

    private double[] Convert<T>(Func<T, double> convert) where T : struct
    {
        var from = MemoryMarshal.Cast<byte, T>(bytes);
        var to = new double[from.Length];
        for (var i = 0; i < to.Length; i++)
            to[i] = convert(from[i]);
        return to;
    }
}
