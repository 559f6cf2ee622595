namespace Afterimage.Reports.Html;

/// <summary>The PNG files of a report folder as data URIs and image elements.</summary>
internal sealed class Pictures(string folder)
{
    private const int LargestFile = 16 << 20;

    private readonly Dictionary<string, string> _uris = [];

    /// <param name="target">About how wide the picture should be shown, in CSS pixels; it grows by whole factors only.</param>
    public Element Show(Picture picture, string alt, int target)
    {
        var factor = Math.Max(1, target / Math.Max(1, picture.Width));
        return Markup.Tag("img", ("src", Uri(picture.File)), ("alt", alt), ("width", Numbers.Coordinate(picture.Width * factor)),
            ("height", Numbers.Coordinate(picture.Height * factor)));
    }

    private string Uri(string file)
    {
        if (!_uris.TryGetValue(file, out var uri))
            _uris[file] = uri = "data:image/png;base64," + Convert.ToBase64String(Load(file));
        return uri;
    }

    private byte[] Load(string file)
    {
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        var path = Path.GetFullPath(Path.Combine(root, file));
        if (!path.StartsWith(root, StringComparison.Ordinal))
            throw new ReportException($"The report names the picture \"{file}\", which is outside its folder: move it inside.");
        if (!File.Exists(path))
            throw new ReportException($"The picture {path} is missing: keep report.json together with the pictures of its folder.");
        if (new FileInfo(path).Length > LargestFile)
            throw new ReportException($"The picture {path} is larger than {LargestFile >> 20} MiB: it is no picture of an audit.");
        var bytes = File.ReadAllBytes(path);
        return bytes.AsSpan().StartsWith(Png.Signature)
            ? bytes
            : throw new ReportException($"{path} is not a PNG file: run the audit again to write it anew.");
    }
}
