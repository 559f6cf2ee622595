using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Afterimage.Tests.Models;

/// <summary>A module instance for a hand-written TorchScript archive: its class and its attributes in order.</summary>
internal sealed record ModuleValue(string Type, params (string Name, object? Value)[] Attributes);

/// <summary>A float32 tensor whose values are a fixed, harmless sequence.</summary>
internal sealed record TensorValue(params long[] Shape)
{
    /// <summary>Whether the file asks for its gradient.</summary>
    public bool IsTrained { get; init; }
}

/// <summary>Writes the zip of torch.jit.save from source code and attribute values, so that tests need no Python.</summary>
internal sealed class ScriptArchiveWriter
{
    private readonly List<byte> pickle = [];
    private readonly List<byte[]> storages = [];

    public static byte[] Write(string code, ModuleValue root)
    {
        var writer = new ScriptArchiveWriter();
        writer.Byte(0x80, 2);
        writer.Value(root);
        writer.Byte('.');
        using var content = new MemoryStream();
        using (var zip = new ZipArchive(content, ZipArchiveMode.Create, leaveOpen: true))
        {
            Entry(zip, "model/data.pkl", writer.pickle.ToArray());
            Entry(zip, "model/code/__torch__.py", Encoding.UTF8.GetBytes(code));
            for (var i = 0; i < writer.storages.Count; i++)
                Entry(zip, $"model/data/{i}", writer.storages[i]);
            Entry(zip, "model/constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
            Entry(zip, "model/version", "3\n"u8.ToArray());
        }
        return content.ToArray();
    }

    public static void Entry(ZipArchive zip, string name, byte[] bytes)
    {
        using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    private void Value(object? value)
    {
        switch (value)
        {
            case null: Byte('N'); break;
            case bool flag: Byte(flag ? 0x88 : 0x89); break;
            case int number: Byte('J'); Int(number); break;
            case string text: Byte('X'); Int(Encoding.UTF8.GetByteCount(text)); pickle.AddRange(Encoding.UTF8.GetBytes(text)); break;
            case TensorValue tensor: Tensor(tensor.Shape, tensor.IsTrained); break;
            case ModuleValue module:
                var dot = module.Type.LastIndexOf('.');
                Global(module.Type[..dot], module.Type[(dot + 1)..]);
                Byte(')', 0x81, '}', '(');
                foreach (var (name, attribute) in module.Attributes)
                {
                    Value(name);
                    Value(attribute);
                }
                Byte('u', 'b');
                break;
        }
    }

    private void Tensor(long[] shape, bool trained)
    {
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        var bytes = new byte[4 * count];
        for (var i = 0; i < count; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), 0.3f + 0.25f * MathF.Sin(1.7f * i + storages.Count));
        Global("torch._utils", "_rebuild_tensor_v2");
        Byte('(', '(');
        Value("storage");
        Global("torch", "FloatStorage");
        Value($"{storages.Count}");
        Value("cpu");
        Value(count);
        Byte('t', 'Q');
        Value(0);
        Numbers(shape);
        Numbers([.. shape.Select((_, i) => shape[(i + 1)..].Aggregate(1L, (product, size) => product * size))]);
        Byte(trained ? 0x88 : 0x89);
        Global("collections", "OrderedDict");
        Byte(')', 'R', 't', 'R');
        storages.Add(bytes);
    }

    private void Numbers(long[] values)
    {
        Byte('(');
        foreach (var value in values)
            Value((int)value);
        Byte('t');
    }

    private void Global(string module, string name) => pickle.AddRange(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    private void Int(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        pickle.AddRange(bytes);
    }

    private void Byte(params int[] values)
    {
        foreach (var value in values)
            pickle.Add((byte)value);
    }
}
