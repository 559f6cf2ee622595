using System.Globalization;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Data;

/// <summary>
/// PNG and JPEG files in a folder: in one subfolder for each class, or all in the folder itself with labels.csv or labels.txt
/// ("file,label" in each line). Without subfolders and labels, all images are of one class.
/// </summary>
public sealed record ImageFolder : DataSource
{
    private static readonly string[] LabelFiles = ["labels.csv", "labels.txt"];

    /// <summary>The folder.</summary>
    public required string Folder { get; init; }

    /// <summary>What each image is cropped and resized to; one channel makes it gray.</summary>
    public ImageShape Size { get; init; } = new(3, 64, 64);

    /// <summary>A file of labels elsewhere; null reads labels.csv or labels.txt of the folder, if there is one.</summary>
    public string? Labels { get; init; }

    /// <inheritdoc/>
    public override ImageSet Open()
    {
        if (!Directory.Exists(Folder))
            throw ArrayFault.File(Folder, "is not a folder: give one with PNG or JPEG files");
        var labels = Labels ?? LabelFiles.Select(name => Path.Combine(Folder, name)).FirstOrDefault(File.Exists);
        var (files, classes) = labels is not null ? Listed(labels) : Found();
        if (files.Count == 0)
            throw ArrayFault.File(Folder, "has no PNG or JPEG files: give a folder with images, or with one subfolder for each class");
        return new FileImageSet(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder))), Size, files, classes);
    }

    private (IReadOnlyList<(string Path, int Label)> Files, ValueList<string> Classes) Found()
    {
        var flat = Images(Folder);
        var folders = Directory.GetDirectories(Folder).Where(folder => Images(folder).Count > 0).Order(StringComparer.Ordinal).ToList();
        if (folders.Count == 0)
            return ([.. flat.Select(path => (path, 0))], ["unlabeled"]);
        if (flat.Count > 0)
            throw ArrayFault.File(Folder,
                $"has images beside its class folders, such as {Path.GetFileName(flat[0])}: move them into a class, or add labels.csv");
        return ([.. folders.SelectMany((folder, label) => Images(folder).Select(path => (path, label)))],
            folders.Select(folder => Path.GetFileName(folder)!).ToValueList());
    }

    private static List<string> Images(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(ImageFile.Has).Order(StringComparer.Ordinal)];

    private (IReadOnlyList<(string Path, int Label)> Files, ValueList<string> Classes) Listed(string labels)
    {
        var rows = new List<(string File, string Label)>();
        foreach (var (line, number) in ReadLines(labels).Select((line, i) => (line.Trim(), i + 1)))
        {
            if (line.Length == 0 || line[0] == '#' || (number == 1 && line.Equals("file,label", StringComparison.OrdinalIgnoreCase)))
                continue;
            var comma = line.LastIndexOf(',');
            if (comma < 1 || comma == line.Length - 1)
                throw ArrayFault.File(labels, $"line {number} is not \"file,label\"");
            rows.Add((line[..comma].Trim(), line[(comma + 1)..].Trim()));
        }
        if (rows.Find(row => !File.Exists(Path.Combine(Folder, row.File))) is { File: { } missing })
            throw ArrayFault.File(labels, $"lists {ArrayFault.Plain(missing)}, which is not in {Folder}");
        var numbers = rows.Select(row => Number(row.Label)).ToList();
        if (rows.Count > 0 && numbers.All(number => number >= 0))
            return ([.. rows.Zip(numbers, (row, number) => (Path.Combine(Folder, row.File), number))],
                Enumerable.Range(0, numbers.Max() + 1).Select(number => number.ToString(CultureInfo.InvariantCulture)).ToValueList());
        var names = rows.Select(row => row.Label).Distinct().Order(StringComparer.Ordinal).ToList();
        return ([.. rows.Select(row => (Path.Combine(Folder, row.File), names.IndexOf(row.Label)))], names.ToValueList());
    }

    private static int Number(string label) =>
        int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < 1_000_000 ? number : -1;

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ArrayFault.File(path, $"cannot be read ({error.Message.TrimEnd('.')})", error);
        }
    }
}
