using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Reports.Recipes;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>The rows of a recipe's run, and its intervals.</summary>
internal static class RecipeView
{
    public static void Write(IAnsiConsole console, RecipeStory story, RecipeRun run)
    {
        console.WriteLine();
        console.WriteHeading(story.Title);
        foreach (var row in run.Rows)
        {
            console.WriteLine($"{(row.Name.Length == 0 ? "the batch" : row.Name)} ({Figures.Plural(row.Images, "image")}, {row.Endings})");
            console.WriteIndented(string.Join("; ", story.Columns.Where(row.Figures.ContainsKey)
                .Select(column => Text(column, row.Figures[column]))));
        }
        foreach (var check in run.Checks)
            console.WriteBullet(check.Holds ? "[green]✓[/]" : "[red]✗[/]", GalleryExporter.Sentence(check),
                Math.Min(console.Profile.Width, 100));
    }

    /// <summary>For example "psnr 80.9 (80.1 to 81.7)".</summary>
    private static string Text(string column, Spread spread)
    {
        string Number(double value) => column is "baseline" or "forecast" ? Figures.Metric("psnr", value) : Figures.Metric(column, value);
        var (low, high) = (Number(spread.Minimum), Number(spread.Maximum));
        return $"{column} {Number(spread.Median)}{(low == high ? "" : $" ({low} to {high})")}";
    }
}
