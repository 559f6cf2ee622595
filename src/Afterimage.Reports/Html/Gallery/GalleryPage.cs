using System.Globalization;
using Afterimage.Reports.Recipes;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The index of a gallery.</summary>
internal static class GalleryPage
{
    public static string Write(IReadOnlyList<GalleryEntry> entries) => Page.Write("The atlas of gradient inversion",
        RecipePage.Banner("Claims and figures of the literature, one command each", Tag("p", ("class", "sentence"),
            "What published attacks on training gradients do, run again: with numbers, spread and failures."),
            "After Understanding gradient inversion attacks from the prior knowledge perspective, and the papers behind it."),
        [Tag("ul", [("class", "gallery"), .. entries.Select(Entry)])],
        [Tag("section", ("class", "block"), Tag("h2", "Run them again"), Code.Block("afterimage reproduce --all --quick"))]);

    private static Element Entry(GalleryEntry entry) => Tag("li",
        Tag("h2", entry.Quick is null && entry.Full is null ? (Part)entry.Story.Title
            : Tag("a", ("href", $"{entry.Story.Name}.html"), entry.Story.Title)),
        entry.Story.Columns.Contains("psnr") ? Pair(entry.Full) ?? Pair(entry.Quick) : null,
        Tag("p", entry.Story.Claim),
        Tag("p", ("class", "state"), State(entry)));

    private static Element? Pair(RecipeRun? run) => run is null ? null : RecipePictures.Pair(run);

    private static string State(GalleryEntry entry)
    {
        var quick = entry.Quick is { } run
            ? $"Quick run of {Date(run)}: {run.Checks.Count(check => check.Holds)} of {run.Checks.Length} intervals hold."
            : "Quick run: not made yet.";
        return $"{quick} {(entry.Full is { } full ? $"Full run of {Date(full)}." : "Full run: not made yet.")}";
    }

    private static string Date(RecipeRun run) => run.Finished.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
}
