using System.Text;

namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>What NumPy's pickles make empty and then fill.</summary>
internal abstract class NumpyObject
{
    /// <summary>Takes over the state that the pickle gives.</summary>
    public abstract void Fill(object?[] state);
}

/// <summary>A NumPy dtype, for example "f4"; the state names its byte order.</summary>
internal sealed class NumpyType(string code) : NumpyObject
{
    public bool IsBigEndian { get; private set; }

    public ElementType? Type => code switch
    {
        "f2" => ElementType.Float16, "f4" => ElementType.Float32, "f8" => ElementType.Float64,
        "i1" => ElementType.Int8, "i2" => ElementType.Int16, "i4" => ElementType.Int32, "i8" => ElementType.Int64,
        "u1" => ElementType.UInt8, "u2" => ElementType.UInt16, "u4" => ElementType.UInt32, "u8" => ElementType.UInt64,
        "b1" => ElementType.Bool, _ => null,
    };

    public string Name => $"numpy {code}";

    public override void Fill(object?[] state) => IsBigEndian = state[1] is ">";
}

/// <summary>A NumPy array inside a pickle: shape, type, order, and its bytes.</summary>
internal sealed class NumpyArray : NumpyObject
{
    /// <summary>The array as a view of its bytes; null until it was filled.</summary>
    public TorchTensor? Tensor { get; private set; }

    public static TorchTensor Scalar(NumpyType type, object? bytes) => View(type, [], [], bytes);

    public override void Fill(object?[] state) => Tensor = Of((NumpyType)state[2]!, state[1], state[4], (bool)state[3]!);

    /// <summary>An array of this type, shape and order.</summary>
    public static TorchTensor Of(NumpyType type, object? extents, object? bytes, bool isColumnMajor)
    {
        var shape = TorchTensor.Extents(extents);
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = 0; i < shape.Length; i++)
        {
            var place = isColumnMajor ? i : shape.Length - 1 - i;
            strides[place] = stride;
            stride = checked(stride * shape[place]);
        }
        return View(type, shape, strides, bytes);
    }

    private static TorchTensor View(NumpyType type, long[] shape, long[] strides, object? bytes)
    {
        var size = (type.Type ?? ElementType.UInt8).Size();
        var length = bytes is PickledBytes { Text.Length: var characters } ? characters : ((byte[])bytes!).Length;
        var storage = new TorchStorage("numpy", type.Type, type.Name, length / size, _ =>
        {
            var copy = bytes is PickledBytes text ? Encoding.Latin1.GetBytes(text.Text) : [.. (byte[])bytes!];
            return type.IsBigEndian ? TorchStorage.Reversed(copy, size) : copy;
        }) { IsInPickle = true };
        return new(storage, type.Type, 0, shape, strides);
    }
}
