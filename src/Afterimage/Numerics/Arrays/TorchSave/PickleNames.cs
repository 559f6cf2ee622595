using System.Collections.Frozen;

namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>A function of the list: it rearranges data and does nothing else.</summary>
internal sealed record PickledCall(Func<object?[], object?> Apply);

/// <summary>A type of storage, for example torch.FloatStorage; without a type its numbers are not read.</summary>
internal sealed record StorageType(string Name, ElementType? Type);

/// <summary>Bytes as protocol 2 writes them: text of the first 256 characters, turned into bytes only where they are used.</summary>
internal sealed record PickledBytes(string Text);

/// <summary>
/// Everything that a pickle may name. No function copies its arguments, so that a short pickle cannot ask for much memory. What is not
/// here is refused, whatever it is.
/// </summary>
internal static class PickleNames
{
    public const string Remedy =
        "save model.state_dict() with torch.save, or export a whole model with torch.jit.script(model).save(path)";

    private static readonly (string Type, string Storage, ElementType? Element)[] ElementNames =
    [
        ("float32 float", "FloatStorage", ElementType.Float32), ("float64 double", "DoubleStorage", ElementType.Float64),
        ("float16 half", "HalfStorage", ElementType.Float16), ("bfloat16", "BFloat16Storage", ElementType.BFloat16),
        ("int64 long", "LongStorage", ElementType.Int64), ("int32 int", "IntStorage", ElementType.Int32),
        ("int16 short", "ShortStorage", ElementType.Int16), ("int8", "CharStorage", ElementType.Int8),
        ("uint8", "ByteStorage", ElementType.UInt8), ("bool", "BoolStorage", ElementType.Bool),
        ("uint16", "UInt16Storage", ElementType.UInt16), ("uint32", "UInt32Storage", ElementType.UInt32),
        ("uint64", "UInt64Storage", ElementType.UInt64), ("complex64 cfloat", "ComplexFloatStorage", null),
        ("complex128 cdouble", "ComplexDoubleStorage", null), ("float8_e4m3fn", "Float8E4M3FNStorage", null),
        ("float8_e5m2", "Float8E5M2Storage", null), ("qint8", "QInt8Storage", null), ("quint8", "QUInt8Storage", null),
    ];

    private static readonly FrozenDictionary<string, object> Known = All().ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What stands behind a name, or null where the name is not allowed.</summary>
    public static object? Find(string name) => Known.GetValueOrDefault(name);

    private static Dictionary<string, object> All()
    {
        var tensor = new PickledCall(TorchTensor.Rebuild);
        var data = new PickledCall(arguments => arguments[0]);
        var dictionary = new PickledCall(arguments => arguments is [] ? new PickledDictionary() : throw new InvalidOperationException());
        var list = new PickledCall(arguments => arguments is [] ? new List<object?>() : arguments[0]);
        var names = new Dictionary<string, object>
        {
            ["collections.OrderedDict"] = dictionary,
            ["collections.defaultdict"] = new PickledCall(_ => new PickledDictionary()),
            ["torch._utils._rebuild_tensor"] = tensor,
            ["torch._utils._rebuild_tensor_v2"] = tensor,
            ["torch._utils._rebuild_tensor_v3"] = new PickledCall(TorchTensor.RebuildTyped),
            ["torch._utils._rebuild_parameter"] = data,
            ["torch._utils._rebuild_parameter_with_state"] = data,
            ["torch.Size"] = data,
            ["torch.device"] = data,
            ["_codecs.encode"] = new PickledCall(arguments => new PickledBytes((string)arguments[0]!)),
            ["numpy.ndarray"] = new StorageType("numpy.ndarray", null),
            ["numpy.dtype"] = new PickledCall(arguments => new NumpyType((string)arguments[0]!)),
        };
        foreach (var place in (string[])["builtins", "__builtin__"])
            (names[place + ".set"], names[place + ".frozenset"], names[place + ".dict"], names[place + ".list"]) =
                (list, list, dictionary, list);
        foreach (var place in (string[])["numpy.core.multiarray", "numpy._core.multiarray"])
        {
            names[place + "._reconstruct"] = new PickledCall(_ => new NumpyArray());
            names[place + ".scalar"] = new PickledCall(arguments =>
                NumpyArray.Scalar((NumpyType)arguments[0]!, arguments[1]));
        }
        // Protocol 5 writes bytes, type, shape and order.
        foreach (var place in (string[])["numpy.core.numeric", "numpy._core.numeric"])
            names[place + "._frombuffer"] = new PickledCall(arguments =>
                NumpyArray.Of((NumpyType)arguments[1]!, arguments[2], arguments[0], arguments[3] is "F"));
        foreach (var (torch, storage, type) in ElementNames)
        {
            names["torch." + storage] = new StorageType("torch." + storage, type);
            foreach (var word in torch.Split(' '))
                names["torch." + word] = new StorageType("torch." + word, type);
        }
        names["torch.UntypedStorage"] = names["torch.storage.UntypedStorage"] = new StorageType("torch.UntypedStorage", ElementType.UInt8);
        return names;
    }
}
