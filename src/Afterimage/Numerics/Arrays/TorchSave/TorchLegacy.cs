using System.Buffers.Binary;

namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>
/// torch.save before PyTorch 1.6: pickles of a magic number, a protocol, the system's sizes, the object and the keys of its storages,
/// then for each key a count and the numbers.
/// </summary>
internal static class TorchLegacy
{
    private static ReadOnlySpan<byte> Magic => [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    /// <summary>Whether a file begins as such a file does: a pickle of the magic number, from protocol 4 on in a frame.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0x80, _, 0x8a, 10, .. var rest] => rest.StartsWith(Magic),
        [0x80, _, 0x95, _, _, _, _, _, _, _, _, 0x8a, 10, .. var rest] => rest.StartsWith(Magic),
        _ => false,
    };

    /// <summary>The tensors of the state dict.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">What errors call it.</param>
    public static List<NamedArray> Read(byte[] bytes, string file)
    {
        var storages = new Dictionary<string, TorchStorage>(StringComparer.Ordinal);
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var isBigEndian = false;
        byte[] Numbers(TorchStorage storage)
        {
            if (!places.TryGetValue(storage.Key, out var place))
                throw ArrayFault.File(file, $"ends before the numbers \"{ArrayFault.Plain(storage.Key)}\": save or copy it again");
            var numbers = bytes.AsSpan(place, (int)storage.Length!).ToArray();
            return isBigEndian ? TorchStorage.Reversed(numbers, (storage.Type ?? ElementType.UInt8).Size()) : numbers;
        }
        object? Storage(object?[] id)
        {
            if (id is not ["storage", StorageType type, string key, _, long count, ..])
                throw new InvalidOperationException();
            // The sixth part would make this storage a part of another one, which no PyTorch has written since 2017.
            if (id is [_, _, _, _, _, not null, ..])
                throw ArrayFault.File(file, "holds a storage inside another one: save tensors with .contiguous()");
            if (!storages.TryGetValue(key, out var storage))
                storages[key] = storage = new(key, type.Type, type.Name, count, Numbers);
            return storage;
        }
        var position = 0;
        object? Next() => new Unpickler(file, Storage).Read(bytes, ref position);
        (_, _, var system) = (Next(), Next(), Next());
        isBigEndian = system is PickledDictionary sizes && sizes.Named().GetValueOrDefault("little_endian") is false;
        var root = Next();
        Locate(Next() as List<object?> ?? [], position);
        var allowed = (long)bytes.Length;
        return [.. StateDictSearch.Find(root, file).Select(found => found.Tensor.Read(found.Name, file, ref allowed))];

        void Locate(List<object?> keys, long at)
        {
            foreach (var key in keys)
            {
                if (key is not string name || !storages.TryGetValue(name, out var storage) || at + sizeof(long) > bytes.Length)
                    throw ArrayFault.File(file, "ends before its numbers, or lists others than its pickle: save or copy it again");
                var count = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan((int)at));
                count = isBigEndian ? BinaryPrimitives.ReverseEndianness(count) : count;
                at += sizeof(long);
                if (count != storage.Count || storage.Length is not { } length || length > bytes.Length - at)
                    throw ArrayFault.File(file, $"is cut or damaged at the numbers \"{ArrayFault.Plain(name)}\": save or copy it again");
                places[name] = (int)at;
                at += length;
            }
        }
    }
}
