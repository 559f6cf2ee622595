using Afterimage.Reports.Html;
using Afterimage.Reports.Recipes;

namespace Afterimage.Reports.Exporters;

/// <summary>
/// A gallery: a folder with NAME.html for every recipe that was run, NAME.quick.json and NAME.full.json with its numbers and pictures, and
/// index.html. The pages are functions of the JSON files and the recipes; they run no script and load nothing.
/// </summary>
public static class GalleryExporter
{
    /// <summary>Name of the page that leads to all others.</summary>
    public const string IndexName = "index.html";

    /// <summary>Keeps a run in a gallery.</summary>
    public static void Keep(RecipeRun run, string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Data(run.Name, run.Quick, folder), ReportJson.WriteIndented(run));
    }

    /// <summary>Writes all pages of a gallery and returns the path of its index.</summary>
    /// <param name="stories">Every recipe, in the order of the index.</param>
    /// <param name="folder">The folder of the gallery.</param>
    /// <exception cref="ReportException">A run in the folder cannot be read.</exception>
    public static string Export(IEnumerable<RecipeStory> stories, string folder)
    {
        GalleryEntry[] entries =
            [.. stories.Select(story => new GalleryEntry(story, Find(story.Name, true, folder), Find(story.Name, false, folder)))];
        foreach (var entry in entries.Where(entry => entry.Quick is not null || entry.Full is not null))
            File.WriteAllText(PathOf(entry.Story.Name, folder), RecipePage.Write(entry.Story, entry.Quick, entry.Full));
        var index = Path.Combine(folder, IndexName);
        File.WriteAllText(index, GalleryPage.Write(entries));
        return index;
    }

    /// <summary>The page of a recipe.</summary>
    public static string PathOf(string name, string folder) => Path.Combine(folder, $"{name}.html");

    /// <summary>For example "l2: median PSNR 52.3 dB; the interval is 40 to 100."</summary>
    public static string Sentence(RecipeCheck check) => RecipePage.Sentence(check);

    private static RecipeRun? Find(string name, bool quick, string folder)
    {
        var path = Data(name, quick, folder);
        return File.Exists(path) ? ReportJson.Read<RecipeRun>(File.ReadAllText(path), path, RecipeRun.CurrentSchema) : null;
    }

    private static string Data(string name, bool quick, string folder) => Path.Combine(folder, $"{name}.{(quick ? "quick" : "full")}.json");
}
