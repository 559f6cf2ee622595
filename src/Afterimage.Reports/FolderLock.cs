namespace Afterimage.Reports;

/// <summary>
/// Keeps a folder for one writer. The system holds the lock and lets go of it when the process ends, however it ends, so a file that a
/// dead process left behind is in nobody's way.
/// </summary>
public sealed class FolderLock : IDisposable
{
    /// <summary>The file that is locked; it is there as long as the lock is held.</summary>
    public const string FileName = ".lock";

    private readonly FileStream file;

    private FolderLock(FileStream file) => this.file = file;

    /// <summary>Locks a folder, which is created if need be.</summary>
    /// <exception cref="ReportException">Somebody else holds it.</exception>
    public static FolderLock Take(string folder)
    {
        Directory.CreateDirectory(folder);
        try
        {
            var path = Path.Combine(folder, FileName);
            return new(new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose));
        }
        catch (IOException fault) when (fault is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException))
        {
            throw new ReportException(
                $"{folder} is in use by another run: wait until it has ended, or choose another folder with --out.", fault);
        }
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose() => file.Dispose();
}
