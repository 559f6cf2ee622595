namespace Afterimage.Data;

/// <summary>
/// Where data sets are looked for: in AFTERIMAGE_DATA alone when it is set; else in data/ of the current folder, then in a folder
/// of the user. Each set has a subfolder of its own.
/// </summary>
/// <param name="Roots">Folders, in the order of search; the last is where downloads go.</param>
public sealed record DataFolders(ValueList<string> Roots)
{
    public const string Variable = "AFTERIMAGE_DATA";

    public static DataFolders Standard() => From(Environment.GetEnvironmentVariable(Variable), Environment.CurrentDirectory,
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify));

    /// <param name="set">The value of AFTERIMAGE_DATA, or nothing.</param>
    /// <param name="current">The current folder.</param>
    /// <param name="user">The user's folder for application data.</param>
    public static DataFolders From(string? set, string current, string user) =>
        new(string.IsNullOrEmpty(set) ? [Path.Combine(current, "data"), Path.Combine(user, "afterimage", "data")] : [set]);

    /// <summary>The folder that holds every one of these files, or null.</summary>
    public string? Search(DataEntry entry, params ReadOnlySpan<string> files)
    {
        foreach (var folder in Roots.Select(root => Path.Combine(root, entry.Name)))
            if (Holding(folder, entry, files) is { } found)
                return found;
        return null;
    }

    /// <summary>The folder with the files of a data set.</summary>
    /// <param name="entry">The data set.</param>
    /// <param name="folder">The only folder to look in, or null for the usual ones.</param>
    /// <param name="files">Files that must be there.</param>
    /// <exception cref="AfterimageException">Says what was looked for where, and both ways to get it.</exception>
    public string Find(DataEntry entry, string? folder, params ReadOnlySpan<string> files)
    {
        if ((folder is null ? Search(entry, files) : Holding(folder, entry, files)) is { } found)
            return found;
        var places = folder is null ? Roots.Select(root => Path.Combine(root, entry.Name)) : [folder];
        throw new AfterimageException(
            $"{entry.Title} was not found: looked for {string.Join(" and ", files.ToArray())} in {string.Join(" and in ", places)}. " +
            $"Run \"afterimage data get {entry.Name}\", or {entry.ByHand(folder ?? Path.Combine(Roots[^1], entry.Name))}.");
    }

    private static string? Holding(string folder, DataEntry entry, ReadOnlySpan<string> files)
    {
        foreach (var place in (string[])[folder, Path.Combine(folder, entry.Inside)])
        {
            var complete = true;
            foreach (var file in files)
                complete &= File.Exists(Path.Combine(place, file));
            if (complete)
                return place;
        }
        return null;
    }
}
