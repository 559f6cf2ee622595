using System.Text.Json.Nodes;

namespace Afterimage.Sweeps.Files;

/// <summary>Where an experiment's JSON names files and folders.</summary>
internal static class FileNames
{
    private static readonly HashSet<string> Members =
        ["weights", "denoiser", "generator", "inverter", "diffusion", "update", "before", "sidecar", "truth", "file"];

    /// <summary>Replaces every name of a file or folder.</summary>
    /// <param name="node">The JSON, which is changed.</param>
    /// <param name="file">The new name of a file.</param>
    /// <param name="folder">The new name of a folder.</param>
    public static void Replace(JsonNode? node, Func<string, string> file, Func<string, string> folder)
    {
        if (node is JsonArray items)
            foreach (var item in items)
                Replace(item, file, folder);
        if (node is not JsonObject part)
            return;
        var kind = part["kind"] is JsonValue name ? name.ToString() : null;
        foreach (var (member, value) in part.ToArray())
            if (value is JsonValue text && text.TryGetValue<string>(out var path))
            {
                if (IsFile(kind, member))
                    part[member] = file(path);
                else if (member == "folder")
                    part[member] = folder(path);
            }
            else
                Replace(value, file, folder);
    }

    /// <summary>Whether a member of a part, or of an object that is no part, names a file.</summary>
    public static bool IsFile(string? kind, string member) => Members.Contains(member)
        || (member == "path" && kind == "torch-script-file") || (member == "labels" && kind == "image-folder");
}
