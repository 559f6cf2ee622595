namespace Afterimage.Data;

/// <summary>
/// Where data sets are searched: in the folder that AFTERIMAGE_DATA names, or, where it is not set, in data/ of the current folder
/// and then in the user's folder for application data. Each data set has a subfolder of its own.
/// </summary>
/// <param name="Roots">Folders in the order of search; downloads go to the last.</param>
public sealed record DataFolders(ValueList<string> Roots)
{
    /// <summary>The environment variable that names the folder of data sets.</summary>
    public const string Variable = "AFTERIMAGE_DATA";

    /// <summary>The folders for the present environment.</summary>
    public static DataFolders Standard() => From(Environment.GetEnvironmentVariable(Variable), Environment.CurrentDirectory,
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify));

    internal static DataFolders From(string? set, string current, string user) =>
        new(string.IsNullOrEmpty(set) ? [Path.Combine(current, "data"), Path.Combine(user, "afterimage", "data")] : [set]);

    /// <summary>The first folder that holds all of these files of a data set, or null.</summary>
    public string? Search(DataEntry entry, params ReadOnlySpan<string> files)
    {
        foreach (var folder in Roots.Select(root => Path.Combine(root, entry.Name)))
            if (Holding(folder, entry, files) is { } found)
                return found;
        return null;
    }

    /// <summary>The folder that holds all of these files of a data set.</summary>
    /// <param name="entry">The data set.</param>
    /// <param name="folder">The only folder to search, or null for <see cref="Roots"/>.</param>
    /// <param name="files">Files that must be there.</param>
    /// <exception cref="AfterimageException">No folder has them; says which were searched and how to get the data set.</exception>
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
