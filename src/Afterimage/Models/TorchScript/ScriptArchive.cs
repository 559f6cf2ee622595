using System.IO.Compression;
using System.Text;

namespace Afterimage.Models.TorchScript;

/// <summary>The zip that torch.jit.save writes: source code under code/, attribute values in data.pkl, tensors under data/.</summary>
internal sealed class ScriptArchive
{
    private const long LargestText = 16 << 20;
    private readonly Dictionary<string, string> code = [];

    private ScriptArchive(object? root, Dictionary<string, string> code) => (Root, this.code) = (root, code);

    /// <summary>The root module's attributes.</summary>
    public object? Root { get; }

    /// <summary>The source file of a qualified prefix such as __torch__.torch.nn.functional, or null.</summary>
    public string? Source(string qualified) => code.GetValueOrDefault(qualified);

    /// <summary>Opens an archive and checks it, before libtorch, whose errors are hard to read, is given the file.</summary>
    /// <exception cref="AfterimageException">The file is something else: the sentence says what and how to export it.</exception>
    public static ScriptArchive Open(string path, byte[] bytes)
    {
        const string Export = "export the model with torch.jit.script(model).save(path)";
        if (!bytes.AsSpan().StartsWith("PK"u8))
            throw new AfterimageException($"{path} is {Kind(bytes)}, not TorchScript: {Export}.");
        try
        {
            using var zip = new ZipArchive(new MemoryStream(bytes), ZipArchiveMode.Read);
            var data = zip.Entries.FirstOrDefault(entry => entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal));
            if (data is null)
                throw new AfterimageException($"{path} is a zip without a data.pkl, not TorchScript: {Export}.");
            var folder = data.FullName[..^"data.pkl".Length] + "code/";
            var sources = zip.Entries.Where(entry => entry.FullName.StartsWith(folder, StringComparison.Ordinal)
                && entry.FullName.EndsWith(".py", StringComparison.Ordinal)).ToList();
            if (sources.Count == 0)
                throw new AfterimageException($"{path} is a state dict or a pickled model, not TorchScript: {Export}, " +
                    "or name a built-in architecture and give its weights as safetensors.");
            return new(PickleReader.Read(Bytes(path, data)), sources.ToDictionary(
                entry => entry.FullName[folder.Length..^".py".Length].Replace('/', '.'),
                entry => Encoding.UTF8.GetString(Bytes(path, entry))));
        }
        catch (InvalidDataException)
        {
            throw new AfterimageException($"{path} is a damaged or truncated zip: export or copy it again.");
        }
        catch (UnreadableScriptException error)
        {
            throw new AfterimageException($"{path} cannot be opened: {error.Message}; {Export}.");
        }
    }

    private static byte[] Bytes(string path, ZipArchiveEntry entry)
    {
        if (entry.Length > LargestText)
            throw new AfterimageException($"{path}: {entry.FullName} claims {entry.Length} bytes, more than any model's code needs.");
        using var stream = entry.Open();
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        // The archive may understate the length, so the bytes are counted as they arrive.
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            content.Write(buffer, 0, read);
            if (content.Length > LargestText)
                throw new AfterimageException($"{path}: {entry.FullName} is larger than any model's code.");
        }
        return content.ToArray();
    }

    private static string Kind(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [] => "empty",
        [0x80, >= 2 and <= 5, ..] => "a state dict or a pickled model",
        [0x93, (byte)'N', (byte)'U', (byte)'M', ..] => "a NumPy array",
        [_, _, _, _, _, 0, 0, 0, (byte)'{', ..] => "a safetensors file of weights without a model",
        [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => "an HDF5 file",
        _ => "not a zip",
    };
}
