namespace Afterimage.Cli.Options;

/// <summary>Finds out before any work whether its results can be written.</summary>
internal static class OutputPath
{
    /// <exception cref="AfterimageException">The folder cannot be written to.</exception>
    public static void CheckFolder(string flag, string folder)
    {
        if (File.Exists(folder))
            throw new AfterimageException($"{flag} {folder} is a file: name a folder.");
        var made = new List<string>();
        for (var path = Path.GetFullPath(folder); path is not null && !Directory.Exists(path); path = Path.GetDirectoryName(path))
            made.Add(File.Exists(path) ? throw new AfterimageException($"{flag} {folder} lies inside {path}, which is a file: " +
                "choose another folder.") : path);
        try
        {
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Guid.NewGuid():N}");
            using (var file = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
                file.Write(new byte[4096]);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new AfterimageException($"{flag} {folder} cannot be written to ({Reason(fault)}): choose another folder.", fault);
        }
        finally
        {
            Remove(made);
        }
    }

    /// <exception cref="AfterimageException">The file cannot be written.</exception>
    public static void CheckFile(string flag, string file)
    {
        if (Directory.Exists(file))
            throw new AfterimageException($"{flag} {file} is a folder: name a file.");
        CheckFolder(flag, Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    private static string Reason(Exception fault) =>
        fault is UnauthorizedAccessException ? "permission denied" : fault.Message.TrimEnd('.');

    /// <summary>What was made for the probe goes again, unless another run has put something into it meanwhile.</summary>
    private static void Remove(IEnumerable<string> folders)
    {
        try
        {
            foreach (var folder in folders.Where(Directory.Exists))
                Directory.Delete(folder);
        }
        catch (IOException)
        {
            // It is in use, so it stays.
        }
    }
}
