using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>The pictures that a run names: PNG files inside its folder, and nothing else.</summary>
internal static class ReportPictures
{
    private const int LargestFile = 16 << 20;

    /// <exception cref="ReportException">The picture lies outside the folder, is missing, or is none.</exception>
    public static byte[] Read(string folder, string file)
    {
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        var path = Path.GetFullPath(Path.Combine(root, file));
        var picture = new FileInfo(path);
        if (!path.StartsWith(root, StringComparison.Ordinal) || !picture.Exists || picture.LinkTarget is not null
            || picture.Length > LargestFile)
            throw new ReportException("The run names a picture that is not in its folder: run the audit again to write it anew.");
        var bytes = File.ReadAllBytes(path);
        return Png.IsPng(bytes) ? bytes
            : throw new ReportException("A picture of the run is no PNG file: run the audit again to write it anew.");
    }
}
