using System.Globalization;
using System.IO.Compression;
using System.Text;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Models.TorchScript;

/// <summary>The files within a TorchScript archive, and whether they are all there and undamaged.</summary>
internal sealed class ScriptEntries
{
    private const long FreeExpansion = 128L << 20;
    private const int LatestVersion = 10;
    private readonly Dictionary<string, ZipArchiveEntry> entries = new(StringComparer.Ordinal);

    /// <param name="zip">The archive.</param>
    /// <param name="length">Bytes of the archive, which bound what it may unpack to.</param>
    public ScriptEntries(ZipArchive zip, long length)
    {
        var allowed = FreeExpansion + length;
        foreach (var entry in zip.Entries)
        {
            if (!entries.TryAdd(entry.FullName, entry))
                throw new UnreadableScriptException($"it holds {ArrayFault.Plain(entry.FullName)} twice");
            allowed -= entry.Length;
            if (entry.Length < 0 || allowed < 0)
                throw new UnreadableScriptException($"it unpacks to far more than its size at {ArrayFault.Plain(entry.FullName)}");
        }
    }

    public IEnumerable<string> Names => entries.Keys;

    /// <summary>Compares every file with the checksum that the archive states.</summary>
    public void CheckSums()
    {
        var buffer = new byte[1 << 16];
        foreach (var (name, entry) in entries)
        {
            using var stream = entry.Open();
            var (crc, left) = (0u, entry.Length);
            for (int read; left >= 0 && (read = stream.Read(buffer)) > 0; left -= read)
                crc = Crc32.Continue(crc, buffer.AsSpan(0, read));
            if (left != 0 || crc != entry.Crc32)
                throw new UnreadableScriptException($"its {ArrayFault.Plain(name)} is damaged (the checksum is another one)");
        }
    }

    /// <summary>One file, whose checksum has been compared.</summary>
    public byte[] Bytes(string name, long most)
    {
        if (!entries.TryGetValue(name, out var entry))
            throw new UnreadableScriptException($"it lacks {ArrayFault.Plain(name)}");
        if (entry.Length > most)
            throw new UnreadableScriptException($"its {ArrayFault.Plain(name)} has {entry.Length} bytes, more than any model's code needs");
        using var stream = entry.Open();
        return StreamBytes.Read(stream, entry.Length);
    }

    public void CheckVersion(string folder)
    {
        var name = new[] { folder + "version", folder + ".data/version" }.FirstOrDefault(entries.ContainsKey)
            ?? throw new UnreadableScriptException("it lacks its version");
        var text = Encoding.UTF8.GetString(Bytes(name, 64)).Trim();
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version is < 1 or > LatestVersion)
            throw new UnreadableScriptException($"its version is \"{ArrayFault.Plain(text)}\", and 1 to {LatestVersion} are read");
    }

    /// <summary>Compares the storage of every tensor with what the tensor needs of it.</summary>
    public void CheckTensors(IReadOnlyList<PickledTensor> tensors, string folder)
    {
        foreach (var tensor in tensors)
        {
            var (name, storage) = (folder + tensor.Storage.Key, tensor.Storage);
            if (!entries.TryGetValue(name, out var entry))
                throw new UnreadableScriptException($"it lacks the tensor data {ArrayFault.Plain(name)}");
            if (storage.Size is not { } size)
                throw new UnreadableScriptException($"its tensors have the type {ArrayFault.Plain(storage.Type)}, which does not exist");
            if (storage.Count < 0 || (Int128)storage.Count * size != entry.Length)
                throw new UnreadableScriptException(
                    $"its {ArrayFault.Plain(name)} has {entry.Length} bytes, but should hold {storage.Count} numbers of {size} bytes");
            if (!tensor.Fits)
                throw new UnreadableScriptException(
                    $"a tensor of shape {ArrayFault.Plain(ArrayFault.Shape(tensor.Shape))} reaches beyond its {ArrayFault.Plain(name)}");
        }
    }

    /// <summary>A number from the names and sizes of all files and the checksums of some.</summary>
    public ulong Fingerprint(Func<string, bool> read)
    {
        var text = string.Join('\n', entries.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair =>
            FormattableString.Invariant($"{pair.Key} {pair.Value.Length} {(read(pair.Key) ? pair.Value.Crc32 : 0)}")));
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(
            System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
