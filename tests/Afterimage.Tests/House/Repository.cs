namespace Afterimage.Tests.House;

/// <summary>The source files of this repository; tests that read them skip where only the build output is at hand.</summary>
internal static class Repository
{
    private static readonly string[] Ignored =
        [".git", "bin", "obj", "runs", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts", ".vs", ".idea"];

    private static readonly string[] Text =
    [
        ".cs", ".md", ".csproj", ".props", ".targets", ".slnx", ".json", ".jsonc", ".yml", ".yaml", ".cff", ".txt", ".css", ".js",
        ".html", ".bib", ".py", ".sh", "",
    ];

    private static readonly string? Root = Find();

    /// <summary>Paths relative to the root, with slashes, and contents of every text file below a folder.</summary>
    public static IReadOnlyList<SourceFile> Files(string folder = "", params string[] extensions)
    {
        Assert.SkipWhen(Root is null, "needs the repository's source files, and Afterimage.slnx is in no folder above the tests");
        var from = Path.Combine(Root!, folder);
        return [.. Walk(from)
            .Where(path => (extensions.Length == 0 ? Text : extensions).Contains(Path.GetExtension(path)))
            .Select(path => new SourceFile(Path.GetRelativePath(Root!, path).Replace('\\', '/'), File.ReadAllText(path)))
            .OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Walk(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateFiles(folder).Concat(Directory.EnumerateDirectories(folder)
            .Where(child => !Ignored.Contains(Path.GetFileName(child))).SelectMany(Walk));

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Afterimage.slnx")))
                return folder.FullName;
        return null;
    }
}

internal sealed record SourceFile(string Path, string Text);
