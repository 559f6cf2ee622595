using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Reports.Recipes;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>The table of a recipe's run, and its intervals.</summary>
internal static class RecipeView
{
    public static void Write(IAnsiConsole console, RecipeStory story, RecipeRun run)
    {
        console.WriteLine();
        console.WriteHeading(story.Title);
        var table = Layout.Table("", ["images", .. story.Columns.Select(column => column == "psnr" ? "psnr dB" : column)]);
        foreach (var row in run.Rows)
            table.AddRow([row.Name.Length == 0 ? "the batch" : Markup.Escape(row.Name), Figures.Count(row.Images),
                .. story.Columns.Select(column => Cell(column, row.Figures.GetValueOrDefault(column)))]);
        console.Write(table);
        foreach (var check in run.Checks)
            console.WriteBullet(check.Holds ? "[green]✓[/]" : "[red]✗[/]", GalleryExporter.Sentence(check), Math.Min(console.Profile.Width, 100));
    }

    private static string Cell(string column, Spread? spread)
    {
        string Text(double value) => column is "baseline" or "forecast" ? Figures.Metric("psnr", value) : Figures.Metric(column, value);
        return spread is null ? "–" : Text(spread.Minimum) == Text(spread.Maximum) ? Text(spread.Median)
            : $"{Text(spread.Median)}\n{Text(spread.Minimum)}..{Text(spread.Maximum)}";
    }
}
