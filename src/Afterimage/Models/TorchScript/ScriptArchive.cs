using System.IO.Compression;
using System.Text;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Models.TorchScript;

/// <summary>The zip that torch.jit.save writes: source code under code/, attribute values in data.pkl, tensors under data/.</summary>
internal sealed class ScriptArchive
{
    private const string Export = "export the model with torch.jit.script(model).save(path)";
    private const long LargestText = 16 << 20;
    private readonly Dictionary<string, string> code;
    private readonly object?[] constants;

    private ScriptArchive(object? root, Dictionary<string, string> code, object?[] constants, ulong fingerprint) =>
        (Root, this.code, this.constants, Fingerprint) = (root, code, constants, fingerprint);

    /// <summary>The root module's attributes.</summary>
    public object? Root { get; }

    /// <summary>A number that changes with the code, the attributes and the sizes of tensors, and not with their values.</summary>
    public ulong Fingerprint { get; }

    /// <summary>The source file of a qualified prefix such as __torch__.torch.nn.functional, or null.</summary>
    public string? Source(string qualified) => code.GetValueOrDefault(qualified);

    /// <summary>A number that the code calls CONSTANTS.c0 and so on; null where there is none, or a tensor of several numbers.</summary>
    public object? Constant(string name) =>
        name is ['c', .. var place] && int.TryParse(place, out var number) ? constants.ElementAtOrDefault(number) : null;

    /// <summary>
    /// Opens an archive and checks it, before libtorch is given the file: libtorch's errors are hard to read, some end the process,
    /// and a storage that is too short is read past its end.
    /// </summary>
    /// <exception cref="AfterimageException">The file is something else or damaged: what it is, and how to export it.</exception>
    public static ScriptArchive Open(string path, byte[] bytes)
    {
        if (!bytes.AsSpan().StartsWith("PK"u8))
            throw new AfterimageException($"{path} is {Kind(bytes)}, not TorchScript: {Export}.");
        try
        {
            using var zip = new ZipArchive(new MemoryStream(bytes), ZipArchiveMode.Read);
            var entries = new ScriptEntries(zip, bytes.Length);
            var name = entries.Names.Where(entry => entry.EndsWith("/data.pkl", StringComparison.Ordinal)).MinBy(entry => entry.Length)
                ?? throw new AfterimageException($"{path} is a zip without a data.pkl, not TorchScript: {Export}.");
            var folder = name[..^"data.pkl".Length];
            var sources = entries.Names.Where(entry => entry.StartsWith(folder + "code/", StringComparison.Ordinal)
                && entry.EndsWith(".py", StringComparison.Ordinal)).ToList();
            if (sources.Count == 0)
                throw new AfterimageException($"{path} is a state dict or a pickled model, not TorchScript: {Export}, " +
                    "or name a built-in architecture and give its weights as safetensors.");
            entries.CheckSums();
            var code = sources.ToDictionary(entry => entry[(folder.Length + "code/".Length)..^".py".Length].Replace('/', '.'),
                entry => Encoding.UTF8.GetString(entries.Bytes(entry, LargestText)));
            var data = PickleReader.Read(entries.Bytes(name, LargestText), "data.pkl");
            var constants = PickleReader.Read(entries.Bytes(folder + "constants.pkl", LargestText), "constants.pkl");
            entries.CheckVersion(folder);
            entries.CheckTensors(data.Tensors, folder + "data/");
            entries.CheckTensors(constants.Tensors, folder + "constants/");
            new ScriptNames(code).Check(data.Names);
            var numbers = (constants.Root as object?[] ?? []).Select(constant =>
                constant is PickledTensor { Shape: [] } tensor
                    ? tensor.Number(entries.Bytes($"{folder}constants/{tensor.Storage.Key}", LargestText)) : null);
            return new(data.Root, code, [.. numbers], entries.Fingerprint(entry => entry.EndsWith(".pkl", StringComparison.Ordinal)
                || entry.StartsWith(folder + "code/", StringComparison.Ordinal)));
        }
        catch (Exception error) when (error is InvalidDataException or IOException or NotSupportedException or ArgumentException
            or OverflowException)
        {
            throw new AfterimageException($"{path} is a damaged or truncated zip: export or copy it again.", error);
        }
        catch (UnreadableScriptException error)
        {
            throw new AfterimageException($"{path} cannot be opened, because {error.Message}: {Export}.");
        }
    }

    private static string Kind(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0x80, >= 2 and <= 5, ..] => "a state dict or a pickled model",
        [0x93, (byte)'N', (byte)'U', (byte)'M', ..] => "a NumPy array",
        [_, _, _, _, _, 0, 0, 0, (byte)'{', ..] => "a safetensors file of weights without a model",
        [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => "an HDF5 file",
        _ => "not a zip",
    };
}
