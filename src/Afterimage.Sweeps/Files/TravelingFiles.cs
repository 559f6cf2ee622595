using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;

namespace Afterimage.Sweeps.Files;

/// <summary>
/// Models, weights and updates that travel with cases: named by the SHA-256 of their content, checked where they arrive, kept in a
/// folder of the worker.
/// </summary>
internal static class TravelingFiles
{
    private const string Mark = "blob:";

    /// <summary>An order with the names of its files replaced by their hashes.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="order">The order of a case.</param>
    /// <param name="store">Stores a file and returns its hash.</param>
    public static CaseOrder Packed(ExperimentFile files, CaseOrder order, Func<string, string> store)
    {
        var json = order.Case(files).Json;
        var root = JsonNode.Parse(json);
        var any = false;
        FileNames.Replace(root, path =>
        {
            any = true;
            return $"{Mark}{store(path)}/{Path.GetFileName(path)}";
        }, folder => folder);
        return any ? order with { Configuration = files.Parse(root!.ToJsonString(), "The case"), Json = json } : order;
    }

    /// <summary>An order with its files here.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="order">As it came.</param>
    /// <param name="cache">The folder of files that came before.</param>
    /// <param name="roots">Folders of data that cases may name.</param>
    /// <param name="fetch">Reads the content of a hash.</param>
    /// <exception cref="AfterimageException">A file lies outside the roots, or its content is not what was sent.</exception>
    public static CaseOrder Unpacked(ExperimentFile files, CaseOrder order, string cache, IReadOnlyList<string> roots,
        Func<string, byte[]> fetch)
    {
        var json = order.Case(files).Json;
        var root = JsonNode.Parse(files.Write(order.Configuration));
        var any = false;
        string Inside(string path)
        {
            any = true;
            return DataRoots.Inside(path, roots);
        }
        FileNames.Replace(root, path =>
        {
            any = true;
            return path.StartsWith(Mark, StringComparison.Ordinal) ? Arrived(path[Mark.Length..], cache, fetch) : Inside(path);
        }, Inside);
        return any ? order with { Configuration = files.Parse(root!.ToJsonString(), "The case"), Json = json } : order;
    }

    /// <summary>The hash of a file's content.</summary>
    public static string Hash(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static string Arrived(string name, string cache, Func<string, byte[]> fetch)
    {
        if (name.Split('/') is not [{ Length: 64 } hash, { Length: > 0 } plain] || hash.Any(letter => !char.IsAsciiHexDigitLower(letter))
            || plain is "." or ".." || plain.Contains(Path.DirectorySeparatorChar))
            throw new AfterimageException($"The case names \"{Mark}{name}\", which is no file that came with it.");
        var path = Path.Combine(cache, hash, plain);
        if (File.Exists(path) && Hash(File.ReadAllBytes(path)) == hash)
            return path;
        var content = fetch(hash);
        if (Hash(content) != hash)
            throw new AfterimageException($"{plain} did not arrive as it was sent (SHA-256 {hash[..12]}...): enqueue the sweep again.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // Whole or not at all, whatever happens to this process meanwhile.
        var part = $"{path}.{Guid.NewGuid():N}";
        File.WriteAllBytes(part, content);
        File.Move(part, path, overwrite: true);
        return path;
    }
}
