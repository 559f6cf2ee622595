using Afterimage.Attacks;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>How the gradient of one image is read: a row for each layer from the head down, then the promise.</summary>
internal static class PlanView
{
    /// <summary>Layers by search that are shown; the others are counted.</summary>
    private const int Shown = 3;

    public static void Write(IAnsiConsole console, InversionPlan plan)
    {
        console.WriteLine("The gradient of one image, from the head down, counted for each channel:");
        var table = Layout.Table("\nlayer", "its\ninput", "\nunknowns", "\nequations", "\nfound", "separates\nbatches of");
        var searched = plan.Layers.Where(layer => layer.Reading == LayerReading.Search).ToList();
        foreach (var layer in plan.Layers.Except(searched.Skip(Shown)))
            table.AddRow(Markup.Escape(layer.Name), Figures.Count(layer.Input), Figures.Count(layer.Unknowns),
                Figures.Count(layer.Equations), layer.Reading switch
                {
                    LayerReading.Exact => "[green]exactly[/]",
                    LayerReading.Blind => "[green]blindly[/]",
                    _ => "[yellow]by search[/]",
                }, layer.LargestBatch > 0 ? Figures.Count(layer.LargestBatch) : "-");
        if (searched.Count > Shown)
            table.AddRow($"and {searched.Count - Shown} more", "", "", "", "[yellow]by search[/]", "");
        if (plan.Layers.Count > 0)
            console.Write(table);
        foreach (var sentence in plan.Sentences)
            console.WriteIndented(sentence);
    }
}
