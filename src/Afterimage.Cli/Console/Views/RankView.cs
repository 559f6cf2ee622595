using Afterimage.Leakage;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>A rank analysis: a row for each layer, then the conclusion.</summary>
internal static class RankView
{
    public static void Write(IAnsiConsole console, RankAnalysis analysis)
    {
        var table = Layout.Table("\nlayer",
            "\nunknowns", "weight\nequations", "gradient\nequations", "cannot\nvary", "\nrank", "\nopen");
        foreach (var layer in analysis.Layers)
        {
            var (most, least) = layer.Exact ? ("", "") : ("≤ ", "≥ ");
            table.AddRow(Markup.Escape(layer.Layer), Figures.Count(layer.Unknowns), Figures.Count(layer.WeightConstraints),
                Figures.Count(layer.GradientConstraints), Figures.Count(layer.VirtualConstraints), most + Figures.Count(layer.Rank),
                layer.Deficit > 0 ? $"[yellow]{least}{Figures.Count(layer.Deficit)}[/]" : "0");
        }
        console.Write(table);
        console.WriteIndented(analysis.Sentence);
        foreach (var remark in analysis.Layers.Select(layer => layer.Remark).Where(remark => remark.Length > 0).Distinct())
            console.WriteIndented(remark, new(Color.Grey));
    }
}
