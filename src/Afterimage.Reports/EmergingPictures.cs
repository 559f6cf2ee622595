namespace Afterimage.Reports;

/// <summary>
/// The latest reconstruction of every running case as a PNG beside the journal, for whoever looks on from another process. The files
/// go away with their cases.
/// </summary>
/// <param name="folder">The report's folder.</param>
public sealed class EmergingPictures(string folder) : IDisposable
{
    /// <summary>Name of the folder in the report's folder.</summary>
    public const string FolderName = "emerging";

    private const double Pause = 0.25;

    private readonly Dictionary<string, double> _next = [];

    /// <summary>Where the picture of a case lies while it runs.</summary>
    /// <param name="folder">The report's folder.</param>
    /// <param name="caseId">The identity of the case.</param>
    public static string PathOf(string folder, string caseId) =>
        Path.Combine(folder, FolderName, string.Concat(caseId.Where(char.IsAsciiLetterOrDigit).Take(12)) + ".png");

    /// <summary>Writes the picture of an iterate that has one, four times a second at most.</summary>
    public void Show(IterateSeen seen)
    {
        if (seen.Thumbnail is not { Width: > 0, Height: > 0 } picture || seen.At < _next.GetValueOrDefault(seen.Id))
            return;
        if (picture.Rgb.Length != 3L * picture.Width * picture.Height)
            return;
        _next[seen.Id] = seen.At + Pause;
        var path = PathOf(folder, seen.Id);
        Quietly(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path + ".part", Png.Rgb(picture.Width, picture.Height, picture.Rgb));
            File.Move(path + ".part", path, overwrite: true);
        });
    }

    /// <summary>Removes the picture of a case that has ended.</summary>
    public void Forget(string caseId)
    {
        if (_next.Remove(caseId))
            Quietly(() => File.Delete(PathOf(folder, caseId)));
    }

    /// <summary>Removes the pictures of all cases.</summary>
    public void Dispose()
    {
        var path = Path.Combine(folder, FolderName);
        if (Directory.Exists(path))
            Quietly(() => Directory.Delete(path, recursive: true));
    }

    /// <summary>A picture that nobody can look at is no reason to end an audit.</summary>
    private static void Quietly(Action action)
    {
        try
        {
            action();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The journal says what there is to say.
        }
    }
}
