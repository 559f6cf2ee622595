namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>A view of a storage: PyTorch's offset, sizes and strides, counted in numbers.</summary>
internal sealed record TorchTensor(TorchStorage Storage, ElementType? Type, long Offset, long[] Shape, long[] Strides)
{
    private const int MostDimensions = 64;

    /// <summary>_rebuild_tensor and _rebuild_tensor_v2: storage, offset, size, stride, and what says nothing about numbers.</summary>
    public static object? Rebuild(object?[] arguments)
    {
        var storage = (TorchStorage)arguments[0]!;
        return new TorchTensor(storage, storage.Type, (long)arguments[1]!, Extents(arguments[2]), Extents(arguments[3]));
    }

    /// <summary>_rebuild_tensor_v3 names the type, for its storage is untyped.</summary>
    public static object? RebuildTyped(object?[] arguments) =>
        (TorchTensor)Rebuild(arguments)! with { Type = ((StorageType)arguments[6]!).Type };

    /// <summary>The numbers in row-major order; a tensor that is its whole storage shares the storage's memory.</summary>
    /// <param name="name">What the array is called.</param>
    /// <param name="file">What errors call the file.</param>
    /// <param name="allowed">How many bytes may still be copied out of storages, which several views can ask for.</param>
    public NamedArray Read(string name, string file, ref long allowed)
    {
        if (Type is not { } type)
            throw ArrayFault.Tensor(file, name, $"holds numbers of {Storage.TypeName}, which are not read: convert it to float32");
        if (Shape.Length != Strides.Length || type.Bytes(Shape) is not { } length || length > Array.MaxLength)
            throw ArrayFault.Tensor(file, name, $"has the impossible shape {ArrayFault.Plain(ArrayFault.Shape(Shape))}");
        var size = type.Size();
        var last = (Int128)Offset;
        foreach (var (extent, stride) in Shape.Zip(Strides))
            last += (Int128)Math.Max(0, extent - 1) * stride;
        if (Offset < 0 || Strides.Any(stride => stride < 0)
            || (length > 0 && (last + 1) * size > (Storage.Length ?? 0)))
            throw ArrayFault.Tensor(file, name, "reaches beyond its numbers in the file: the file is damaged");
        if (length == 0)
            return new(name, Shape.ToValueList(), type, []);
        var isContiguous = IsContiguous();
        if (isContiguous && Offset == 0 && length == Storage.Length && !Storage.IsInPickle)
            return new(name, Shape.ToValueList(), type, Storage.Bytes);
        if ((allowed -= length + (Storage.IsInPickle ? Storage.Length ?? 0 : 0)) < 0)
            throw ArrayFault.Tensor(file, name, "and others repeat numbers beyond the size of the file: save tensors with .contiguous()");
        var from = Storage.Bytes;
        if (isContiguous)
            return new(name, Shape.ToValueList(), type, from.AsSpan((int)Offset * size, (int)length).ToArray());
        return new(name, Shape.ToValueList(), type, Gathered(from, (int)length, size));
    }

    private bool IsContiguous()
    {
        var expected = 1L;
        for (var i = Shape.Length - 1; i >= 0; i--)
        {
            if (Shape[i] != 1 && Strides[i] != expected)
                return false;
            expected *= Shape[i];
        }
        return true;
    }

    private byte[] Gathered(byte[] from, int length, int size)
    {
        var to = new byte[length];
        var index = new long[Shape.Length];
        var place = Offset;
        for (var at = 0; at < length; at += size)
        {
            from.AsSpan((int)place * size, size).CopyTo(to.AsSpan(at, size));
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                place += Strides[i];
                if (++index[i] < Shape[i])
                    break;
                place -= Strides[i] * Shape[i];
                index[i] = 0;
            }
        }
        return to;
    }

    internal static long[] Extents(object? value) => (object?[])value! is { Length: <= MostDimensions } extents
        ? Array.ConvertAll(extents, extent => (long)extent!) : throw new InvalidOperationException();
}
