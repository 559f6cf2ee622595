using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Afterimage.Tests.Numerics.Arrays.TorchSave;

/// <summary>Writes pickles operation by operation, and zips and old files of torch.save around them.</summary>
internal sealed class PickleText
{
    private readonly List<byte> bytes = [];

    public PickleText() => Bytes(0x80, 2);

    public byte[] Done => [.. bytes, (byte)'.'];

    public PickleText Bytes(params byte[] operations)
    {
        bytes.AddRange(operations);
        return this;
    }

    public PickleText Op(string operations) => Bytes(Encoding.Latin1.GetBytes(operations));

    public PickleText Global(string module, string name) => Op($"c{module}\n{name}\n");

    public PickleText Text(string text)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, Encoding.UTF8.GetByteCount(text));
        return Op("X").Bytes(length).Bytes(Encoding.UTF8.GetBytes(text));
    }

    public PickleText Number(long value)
    {
        var little = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(little, value);
        return Bytes(0x8a, 8).Bytes(little);
    }

    public PickleText Tuple(params long[] numbers) => Op("(").Each(numbers, (text, number) => text.Number(number)).Op("t");

    public PickleText Each<T>(IEnumerable<T> items, Func<PickleText, T, PickleText> write) =>
        items.Aggregate(this, write);

    /// <summary>A tensor as torch.save writes it: a view of a storage.</summary>
    public PickleText Tensor(string storage, string type, long count, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op("((").Text("storage").Global("torch", type).Text(storage).Text("cpu").Number(count)
            .Op("tQ").Number(offset).Tuple(shape).Tuple(strides).Bytes(0x89).Global("collections", "OrderedDict").Op(")RtR");

    /// <summary>A dictionary; each entry writes its own value.</summary>
    public PickleText Dictionary(params (string Key, Func<PickleText, PickleText> Value)[] entries) =>
        Op("}(").Each(entries, (text, entry) => entry.Value(text.Text(entry.Key))).Op("u");

    public static byte[] Zip(byte[] pickle, params (string Name, byte[] Bytes)[] storages)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in storages.Select(storage => ($"data/{storage.Name}", storage.Bytes)).Prepend(("data.pkl", pickle)))
            {
                using var entry = zip.CreateEntry("archive/" + name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        return stream.ToArray();
    }

    public static byte[] Legacy(byte[] pickle, params (string Name, int Size, byte[] Bytes)[] storages)
    {
        using var stream = new MemoryStream();
        stream.Write([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.']);
        stream.Write(new PickleText().Number(1001).Done);
        stream.Write(new PickleText().Dictionary(("little_endian", text => text.Bytes(0x88))).Done);
        stream.Write(pickle);
        stream.Write(new PickleText().Op("](").Each(storages, (text, storage) => text.Text(storage.Name)).Op("e").Done);
        foreach (var (_, size, bytes) in storages)
        {
            var count = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(count, bytes.Length / size);
            stream.Write(count);
            stream.Write(bytes);
        }
        return stream.ToArray();
    }
}
