namespace Afterimage.Reports;

/// <summary>
/// A lock that keeps a folder for one writer. The operating system releases it when the process ends in any way, so a lock file
/// that a dead process left behind does no harm.
/// </summary>
public sealed class FolderLock : IDisposable
{
    /// <summary>Name of the lock file.</summary>
    public const string FileName = ".lock";

    private readonly FileStream file;

    private FolderLock(FileStream file) => this.file = file;

    /// <summary>Locks a folder, which is created if need be.</summary>
    /// <exception cref="ReportException">Somebody else holds it.</exception>
    public static FolderLock Take(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, FileName);
        try
        {
            return new(new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose));
        }
        catch (IOException fault) when (fault is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException))
        {
            throw new ReportException(
                $"{folder} is in use by another run: wait until it has ended, or choose another folder with --out.", fault);
        }
    }

    /// <summary>Whether somebody holds it now; a lock file that a dead process left behind is not held.</summary>
    public static bool IsHeld(string folder)
    {
        try
        {
            // Sharing is refused while the holder lives. Nothing is locked where there is no file.
            using var file = new FileStream(Path.Combine(folder, FileName), FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
