using System.IO.Compression;

namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>torch.save since PyTorch 1.6: a zip with data.pkl and one stored entry for each storage.</summary>
internal static class TorchArchive
{
    private const string Pickle = "data.pkl";

    /// <summary>The folder of a zip that torch.save wrote ("archive/"), or null for another zip.</summary>
    public static string? Folder(ZipArchive zip)
    {
        bool IsPickle(string name) => name == Pickle
            || (name.EndsWith("/" + Pickle, StringComparison.Ordinal) && name.IndexOf('/') == name.Length - Pickle.Length - 1);
        return zip.Entries.Select(entry => entry.FullName).FirstOrDefault(IsPickle)?[..^Pickle.Length];
    }

    /// <summary>The tensors of the state dict.</summary>
    /// <param name="zip">The archive.</param>
    /// <param name="folder">Its <see cref="Folder"/>.</param>
    /// <param name="length">Bytes of the whole file: nothing larger is ever set aside.</param>
    /// <param name="file">What errors call it.</param>
    public static List<NamedArray> Read(ZipArchive zip, string folder, long length, string file)
    {
        var entries = new Dictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
        foreach (var entry in zip.Entries)
            if (!entries.TryAdd(entry.FullName, entry))
                throw ArrayFault.File(file, $"holds \"{ArrayFault.Plain(entry.FullName)}\" twice: save or copy it again");
        var left = length;
        byte[] Unpacked(string name)
        {
            if (!entries.TryGetValue(folder + name, out var entry))
                throw ArrayFault.File(file, $"lacks \"{ArrayFault.Plain(folder + name)}\", which its pickle names: save or copy it again");
            if (entry.CompressedLength != entry.Length || (left -= entry.Length) < 0 || entry.Length > Array.MaxLength)
                throw ArrayFault.File(file, $"holds \"{ArrayFault.Plain(entry.FullName)}\" compressed or beyond its own size, " +
                                            "which torch.save does not write: save it again");
            return Npz.Unpack(entry, length, file, name);
        }
        var isBigEndian = entries.ContainsKey(folder + "byteorder") && Unpacked("byteorder").AsSpan().StartsWith("big"u8);
        var storages = new Dictionary<string, TorchStorage>(StringComparer.Ordinal);
        byte[] Numbers(TorchStorage storage)
        {
            var bytes = Unpacked("data/" + storage.Key);
            if (bytes.Length != storage.Length)
                throw ArrayFault.File(file, $"has {bytes.Length} bytes in \"{ArrayFault.Plain(folder + "data/" + storage.Key)}\" " +
                                            $"where its pickle says {storage.Length}: save or copy it again");
            return isBigEndian ? TorchStorage.Reversed(bytes, (storage.Type ?? ElementType.UInt8).Size()) : bytes;
        }
        object? Storage(object?[] id)
        {
            if (id is not ["storage", StorageType type, string key, _, long count, ..])
                throw new InvalidOperationException();
            if (!storages.TryGetValue(key, out var storage))
                storages[key] = storage = new(key, type.Type, type.Name, count, Numbers);
            return storage;
        }
        var position = 0;
        var root = new Unpickler(file, Storage).Read(Unpacked(Pickle), ref position);
        var allowed = length;
        return [.. StateDictSearch.Find(root, file).Select(found => found.Tensor.Read(found.Name, file, ref allowed))];
    }
}
