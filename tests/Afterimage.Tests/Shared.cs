namespace Afterimage.Tests;

/// <summary>Finds the shared folder with data and PyTorch-made problems; tests that need it skip where it is absent.</summary>
internal static class Shared
{
    private static readonly string? Root = Find();

    /// <summary>The path of a shared file or folder; skips the calling test when it is not on this machine.</summary>
    public static string Path(params string[] parts)
    {
        var path = Root is null ? null : System.IO.Path.Combine([Root, .. parts]);
        Assert.SkipUnless(path is not null && (File.Exists(path) || Directory.Exists(path)),
            $"needs shared/{string.Join('/', parts)}, which is not on this machine (set AFTERIMAGE_SHARED to its folder)");
        return path!;
    }

    /// <summary>Subfolders or files of a shared folder, for theories; empty when absent.</summary>
    public static IEnumerable<string> Names(string folder, string pattern)
    {
        var path = Root is null ? null : System.IO.Path.Combine(Root, folder);
        var found = path is not null && Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path, pattern) : [];
        return found.Select(name => System.IO.Path.GetFileName(name)).Order(StringComparer.Ordinal);
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("AFTERIMAGE_SHARED") is { Length: > 0 } set)
            return set;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "shared");
            if (Directory.Exists(System.IO.Path.Combine(candidate, "problems")))
                return candidate;
        }
        return null;
    }
}
