using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Cli.Console;

/// <summary>A leakage report: a table of the cases, the bounds of a single case, and a sentence.</summary>
internal static class LeakageView
{
    private const double Float16 = 2.07e-4, Float32 = 2.53e-8;

    public static void Write(IAnsiConsole console, LeakageReport report)
    {
        console.WriteLine();
        console.Write(Fitting(console, narrow => Cases(report, narrow)));
        if (report.Cases is [var only])
        {
            console.Write(Fitting(console, narrow => Points(report, only.PerLayer, narrow)));
            console.WriteRemark(only.PerLayer.Method);
        }
        console.WriteRemark($"Forecasts: expected PSNR of the best linear attacker at noise {Figures.Short(report.Noise)} " +
            $"of what the second column names; white knows how much pixels vary, images knows {report.Prior}.");
        if (report.Cases.LastOrDefault(found => found.Exactness is not null) is { } last)
            console.WriteRemark(last.Exactness!);
        console.WriteLine();
        console.Write(new Panel(new Text(report.Sentence)) { Border = BoxBorder.Rounded, Width = Math.Min(console.Profile.Width, 100) });
    }

    /// <summary>The table with every interval on one line where the terminal is wide enough.</summary>
    private static Table Fitting(IAnsiConsole console, Func<bool, Table> draw)
    {
        var wide = draw(false);
        var needed = ((IRenderable)wide).Measure(RenderOptions.Create(console, console.Profile.Capabilities), int.MaxValue / 2).Max;
        return needed <= console.Profile.Width ? wide : draw(true);
    }

    private static Table Cases(LeakageReport report, bool narrow)
    {
        var table = Layout.Table("\ncase", "noise\nagainst", "\nunknowns", "\nrank", "con-\ndition",
            "above\nfloat16", "above\nfloat32", "white\ndB", "images\ndB");
        foreach (var found in report.Cases)
        {
            table.AddRow(Row(Markup.Escape(found.Name), "layer", found.PerLayer, report.Noise, narrow));
            table.AddRow(Row("", "whole", found.Whole, report.Noise, narrow));
        }
        return table;
    }

    private static string[] Row(string name, string against, LeakageSpectrum spectrum, double noise, bool narrow) =>
    [
        name, against, Figures.Count(spectrum.Unknowns),
        spectrum.Rank is { } rank ? Figures.Count(rank) : "open",
        spectrum.Condition is not { } condition ? "open"
            : condition < 1e7 ? Figures.Count((long)Math.Round(condition)) : Figures.Short(condition),
        Figures.Range(spectrum.At(Float16).Directions, "N0", narrow), Figures.Range(spectrum.At(Float32).Directions, "N0", narrow),
        Figures.Range(spectrum.At(noise).White, "0.0", narrow), $"[bold]{Figures.Range(spectrum.At(noise).Images, "0.0", narrow)}[/]",
    ];

    private static Table Points(LeakageReport report, LeakageSpectrum spectrum, bool narrow)
    {
        var table = Layout.Table("\nnoise", "directions\nabove", "forecast\nwhite dB", "forecast\nimages dB",
            "unbiased\nat most", "van Trees\nat most", "influence\nat most");
        foreach (var point in spectrum.Points.Where(point => IsPowerOfTen(point.Noise) || point.Noise == report.Noise))
            table.AddRow(Figures.Short(point.Noise), Figures.Range(point.Directions, "N0", narrow),
                Figures.Range(point.White, "0.0", narrow), Figures.Range(point.Images, "0.0", narrow),
                point.Unbiased is { } bound ? Figures.Metric("psnr", bound) : "none",
                Figures.Metric("psnr", point.VanTrees), Figures.Metric("psnr", point.Influence));
        return table;
    }

    private static bool IsPowerOfTen(double noise) => Math.Abs(Math.Log10(noise) - Math.Round(Math.Log10(noise))) < 1e-9;
}
