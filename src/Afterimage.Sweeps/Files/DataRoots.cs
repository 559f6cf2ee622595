namespace Afterimage.Sweeps.Files;

/// <summary>The folders of a worker that cases may read.</summary>
internal static class DataRoots
{
    /// <summary>The full path of a file or folder inside one of the roots; a relative path is looked for in each of them.</summary>
    /// <exception cref="AfterimageException">It lies outside, links included.</exception>
    public static string Inside(string path, IReadOnlyList<string> roots)
    {
        foreach (var root in roots.Select(Real))
        {
            var full = Real(Path.Combine(root, path));
            if (full == root || full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                if (File.Exists(full) || Directory.Exists(full))
                    return full;
        }
        throw new AfterimageException($"The case names {path}, which does not lie in a folder of data of this worker: put it into " +
            $"{(roots.Count == 0 ? "a folder that --data-root names" : string.Join(" or ", roots))}, or name a file, which travels " +
                "with it.");
    }

    /// <summary>The full path without links on the way.</summary>
    private static string Real(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var parent = Path.GetDirectoryName(full);
        if (parent is null)
            return full;
        var here = Path.Combine(Real(parent), Path.GetFileName(full));
        FileSystemInfo item = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        // What does not exist is no link; a link that leads nowhere does not exist either, and is refused as such.
        return item.Exists && item.ResolveLinkTarget(returnFinalTarget: true) is { } target
            ? Real(target.FullName) : here;
    }
}
