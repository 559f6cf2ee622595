using System.Globalization;
using Afterimage.Leakage;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>A rank analysis in the terminal: a row for each layer, then the finding.</summary>
internal static class RankView
{
    public static void Write(IAnsiConsole console, RankAnalysis analysis)
    {
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        table.AddColumn(new TableColumn("\nlayer"));
        foreach (var title in (string[])["\nunknowns", "weight\nequations", "gradient\nequations", "cannot\nvary", "\nrank", "\nopen"])
            table.AddColumn(new TableColumn(title) { Alignment = Justify.Right });
        foreach (var layer in analysis.Layers)
            table.AddRow(Markup.Escape(layer.Layer), Count(layer.Unknowns), Count(layer.WeightConstraints), Count(layer.GradientConstraints),
                Count(layer.VirtualConstraints), (layer.Exact ? "" : "≤ ") + Count(layer.Rank),
                layer.Deficit > 0 ? $"[yellow]{(layer.Exact ? "" : "≥ ")}{Count(layer.Deficit)}[/]" : "0");
        console.Write(table);
        console.Write(new Padder(new Text(analysis.Sentence), new(2, 0, 0, 0)));
        foreach (var remark in analysis.Layers.Select(layer => layer.Remark).Where(remark => remark.Length > 0).Distinct())
            console.Write(new Padder(new Text(remark, new(Color.Grey)), new(2, 0, 0, 0)));
    }

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
