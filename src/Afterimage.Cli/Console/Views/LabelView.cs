using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>Recovered labels: a table of counts with their confidence, and the evidence.</summary>
internal static class LabelView
{
    private const int MostClasses = 24;

    public static void Write(IAnsiConsole console, string name, LabelReport report)
    {
        var sure = report.BatchSizeConfidence is { } confidence ? $" (estimated, {Figures.Percent(confidence)} sure)" : "";
        console.WriteLine();
        console.WriteHeading($"{name}: {Figures.Plural(report.BatchSize, "image")}{sure}, by {report.Rule}");
        if (!report.Classes.IsEmpty)
            console.Write(Counts(report));
        foreach (var reason in report.Reasons)
            console.WriteRemark(reason);
    }

    private static Table Counts(LabelReport report)
    {
        var judged = report.Classes.Any(known => known.TrueCount is not null);
        var table = Layout.Table("class", ["images", "confidence", .. judged ? ["truth"] : (string[])[]]);
        foreach (var known in report.Classes.Take(MostClasses))
            table.AddRow(
            [
                new Text(known.Name),
                new Text(Whole(known.Count), new(decoration: Decoration.Bold)),
                new Text(Figures.Percent(known.Confidence)),
                .. known.TrueCount is { } truth ? [new(Whole(truth), new(truth == known.Count ? Color.Green : Color.Red))] : (Text[])[],
            ]);
        if (report.Classes.Length > MostClasses)
            table.Caption($"and {report.Classes.Length - MostClasses} more classes: see --json");
        return table;
    }

    private static string Whole(int count) => count.ToString(CultureInfo.InvariantCulture);
}
