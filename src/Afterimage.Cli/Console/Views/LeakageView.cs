using Afterimage.Reports;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>A leakage report: a table of the cases, the bounds of a single case, and a sentence.</summary>
internal static class LeakageView
{
    private const double Float16 = 2.07e-4, Float32 = 2.53e-8;

    public static void Write(IAnsiConsole console, LeakageReport report)
    {
        console.WriteLine();
        console.Write(Cases(report));
        if (report.Cases is [var only])
        {
            console.Write(Points(report, only.PerLayer));
            console.WriteRemark(only.PerLayer.Method);
        }
        console.WriteRemark($"Forecasts: expected PSNR of the best linear attacker at noise {Figures.Short(report.Noise)} " +
            $"of what the second column names; white knows how much pixels vary, images knows {report.Prior}.");
        console.WriteLine();
        console.Write(new Panel(new Text(report.Sentence)) { Border = BoxBorder.Rounded, Width = Math.Min(console.Profile.Width, 100) });
    }

    private static Table Cases(LeakageReport report)
    {
        var table = Layout.Table("\ncase", "noise\nagainst", "\nunknowns", "\nrank", "con-\ndition",
            "above\nfloat16", "above\nfloat32", "white\ndB", "images\ndB");
        foreach (var found in report.Cases)
        {
            table.AddRow(Row(Markup.Escape(found.Name), "layer", found.PerLayer, report.Noise));
            table.AddRow(Row("", "whole", found.Whole, report.Noise));
        }
        return table;
    }

    private static string[] Row(string name, string against, LeakageSpectrum spectrum, double noise) =>
    [
        name, against, Figures.Count(spectrum.Unknowns),
        spectrum.Rank is { } rank ? Figures.Count(rank) : "open",
        spectrum.Condition is not { } condition ? "open"
            : condition < 1e7 ? Figures.Count((long)Math.Round(condition)) : Figures.Short(condition),
        Figures.Range(spectrum.At(Float16).Directions, "N0"), Figures.Range(spectrum.At(Float32).Directions, "N0"),
        Figures.Range(spectrum.At(noise).White, "0.0"), $"[bold]{Figures.Range(spectrum.At(noise).Images, "0.0")}[/]",
    ];

    private static Table Points(LeakageReport report, LeakageSpectrum spectrum)
    {
        var table = Layout.Table("\nnoise", "directions\nabove", "forecast\nwhite dB", "forecast\nimages dB",
            "unbiased\nat most", "van Trees\nat most", "influence\nat most");
        foreach (var point in spectrum.Points.Where(point => IsPowerOfTen(point.Noise) || point.Noise == report.Noise))
            table.AddRow(Figures.Short(point.Noise), Figures.Range(point.Directions, "N0"),
                Figures.Range(point.White, "0.0"), Figures.Range(point.Images, "0.0"),
                point.Unbiased is { } bound ? Figures.Metric("psnr", bound) : "none",
                Figures.Metric("psnr", point.VanTrees), Figures.Metric("psnr", point.Influence));
        return table;
    }

    private static bool IsPowerOfTen(double noise) => Math.Abs(Math.Log10(noise) - Math.Round(Math.Log10(noise))) < 1e-9;
}
