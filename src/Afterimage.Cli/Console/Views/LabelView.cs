using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>Recovered labels in the terminal: counts with confidence, and why.</summary>
internal static class LabelView
{
    private const int MostClasses = 24;

    public static void Write(IAnsiConsole console, string name, LabelReport report)
    {
        console.WriteLine();
        console.Write(new Text($"{name}: {Figures.Plural(report.BatchSize, "image")}" +
            (report.BatchSizeConfidence is { } sure ? $" (estimated, {Percent(sure)} sure)" : "") + $", by {report.Rule}", new(decoration: Decoration.Bold)));
        console.WriteLine();
        if (!report.Classes.IsEmpty)
            console.Write(Counts(report));
        foreach (var reason in report.Reasons)
        {
            console.Write(new Text(reason, new(Color.Grey)));
            console.WriteLine();
        }
    }

    private static Table Counts(LabelReport report)
    {
        var judged = report.Classes.Any(known => known.TrueCount is not null);
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        foreach (var title in (string[])["class", "images", "confidence", .. judged ? ["truth"] : (string[])[]])
            table.AddColumn(new TableColumn(new Text(title, new(Color.Grey))) { Alignment = title == "class" ? Justify.Left : Justify.Right, Padding = new(1, 0, 0, 0) });
        foreach (var known in report.Classes.Take(MostClasses))
            table.AddRow([new Text(known.Name), new Text(Whole(known.Count), new(decoration: Decoration.Bold)), new Text(Percent(known.Confidence)),
                .. known.TrueCount is { } truth ? [new Text(Whole(truth), new(truth == known.Count ? Color.Green : Color.Red))] : (Text[])[]]);
        if (report.Classes.Length > MostClasses)
            table.Caption($"and {report.Classes.Length - MostClasses} more classes: see --json");
        return table;
    }

    private static string Whole(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double share) => share.ToString("0 %", CultureInfo.InvariantCulture);
}
