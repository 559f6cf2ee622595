using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace Afterimage.Server.Uploads;

/// <summary>
/// Uploaded files under names that are generated here. What outsiders say of a file is shown and never becomes part of a path.
/// </summary>
internal sealed class UploadStore
{
    private const string FolderName = "uploads", NoteEnding = ".upload";
    private const int Times = 8, LongestName = 120;

    private readonly string folder;
    private readonly long largest;
    private readonly Lock gate = new();
    private ImmutableDictionary<string, (Upload Upload, string Path)> known;

    public UploadStore(ServerSettings settings)
    {
        (folder, largest) = (Path.Combine(settings.Folder, FolderName), settings.LargestUpload);
        Directory.CreateDirectory(folder);
        known = Directory.EnumerateFiles(folder, "*" + NoteEnding).Select(Note).OfType<(Upload Upload, string Path)>()
            .ToImmutableDictionary(pair => pair.Upload.Id);
    }

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<Upload> All => [.. known.Values.Select(pair => pair.Upload)
        .OrderBy(upload => upload.Name, StringComparer.Ordinal).ThenBy(upload => upload.Id, StringComparer.Ordinal)];

    /// <summary>Where an upload lies; null for an identity that is none.</summary>
    public string? PathOf(string id) => known.TryGetValue(id, out var found) ? found.Path : null;

    /// <summary>Whether a path is that of an upload.</summary>
    public bool Holds(string path) => known.Values.Any(pair => pair.Path == path);

    /// <summary>Takes in a file and checks it.</summary>
    /// <param name="content">Its bytes.</param>
    /// <param name="name">What its owner calls it.</param>
    /// <param name="cancellation">Ends it; nothing is kept.</param>
    /// <exception cref="AfterimageException">It is too large, damaged, or nothing that an audit can use.</exception>
    public async Task<Upload> Add(Stream content, string name, CancellationToken cancellation)
    {
        var id = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var part = Path.Combine(folder, id + ".part");
        try
        {
            var size = await Receive(content, part, cancellation).ConfigureAwait(false);
            var (kind, summary, ending) = Check(part, name);
            var path = Path.Combine(folder, id + ending);
            var upload = new Upload(id, Shown(name), kind, size, summary);
            File.Move(part, path);
            await File.WriteAllTextAsync(Path.Combine(folder, id + NoteEnding), PageJson.Write(upload), CancellationToken.None)
                .ConfigureAwait(false);
            lock (gate)
                known = known.Add(id, (upload, path));
            return upload;
        }
        finally
        {
            File.Delete(part);
        }
    }

    /// <summary>Removes an upload.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(string id)
    {
        lock (gate)
        {
            if (!known.TryGetValue(id, out var found))
                return false;
            known = known.Remove(id);
            File.Delete(found.Path);
            File.Delete(Path.Combine(folder, id + NoteEnding));
            return true;
        }
    }

    private async Task<long> Receive(Stream content, string part, CancellationToken cancellation)
    {
        var room = Times * largest - known.Values.Sum(pair => pair.Upload.Bytes);
        await using var file = new FileStream(part, FileMode.CreateNew, FileAccess.Write);
        var buffer = new byte[1 << 17];
        var size = 0L;
        while (await content.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            size += read;
            if (size > largest)
                throw new AfterimageException($"The file is larger than {largest >> 20} MiB, the most that this server takes in " +
                    "(--upload-limit): audit it from the command line.");
            if (size > room)
                throw new AfterimageException($"The uploads fill their {Times * largest >> 20} MiB: remove some of them first.");
            await file.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
        }
        return size;
    }

    /// <summary>Messages call the file what its owner calls it, and not by the name that it has here.</summary>
    private static (UploadKind Kind, string Summary, string Ending) Check(string part, string name)
    {
        try
        {
            return UploadCheck.Of(part);
        }
        catch (AfterimageException fault)
        {
            throw new AfterimageException(fault.Message.Replace(part, Shown(name), StringComparison.Ordinal), fault);
        }
    }

    private static string Shown(string name)
    {
        var last = name[(name.LastIndexOfAny(['/', '\\']) + 1)..];
        var plain = string.Concat(last.Where(letter => !char.IsControl(letter)).Take(LongestName)).Trim();
        return plain.Length == 0 ? "file" : plain;
    }

    private (Upload, string)? Note(string path)
    {
        try
        {
            var upload = JsonSerializer.Deserialize<Upload>(File.ReadAllText(path), PageJson.Options);
            var id = Path.GetFileNameWithoutExtension(path);
            var file = Directory.EnumerateFiles(folder, id + ".*").FirstOrDefault(other => other != path);
            return upload?.Id == id && file is not null ? (upload, file) : null;
        }
        catch (Exception fault) when (fault is JsonException or IOException)
        {
            return null;
        }
    }
}
