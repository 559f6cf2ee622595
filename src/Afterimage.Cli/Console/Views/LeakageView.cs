using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>A leakage report in the terminal: a table, the bounds of a single case, a sentence.</summary>
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
            Line(console, only.PerLayer.Method);
        }
        Line(console, $"Forecasts: expected PSNR of the best linear attacker at noise {Figures.Short(report.Noise)} of what the second column names; " +
            $"white knows how much pixels vary, images knows {report.Prior}.");
        console.WriteLine();
        console.Write(new Panel(new Text(report.Sentence)) { Border = BoxBorder.Rounded, Width = Math.Min(console.Profile.Width, 100) });
    }

    private static Table Cases(LeakageReport report)
    {
        var table = Table("\ncase", "noise\nagainst", "\nunknowns", "\nrank", "con-\ndition", "above\nfloat16", "above\nfloat32", "white\ndB", "images\ndB");
        foreach (var found in report.Cases)
            foreach (var (name, spectrum) in new[] { ("layer", found.PerLayer), ("whole", found.Whole) })
                table.AddRow(name == "layer" ? Markup.Escape(found.Name) : "", name, Count(spectrum.Unknowns), spectrum.Rank is { } rank ? Count(rank) : "open",
                    spectrum.Condition is { } condition ? condition < 1e7 ? Count((long)Math.Round(condition)) : Figures.Short(condition) : "open",
                    Range(spectrum.At(Float16).Directions, "N0"), Range(spectrum.At(Float32).Directions, "N0"),
                    Range(spectrum.At(report.Noise).White, "0.0"), $"[bold]{Range(spectrum.At(report.Noise).Images, "0.0")}[/]");
        return table;
    }

    private static Table Points(LeakageReport report, LeakageSpectrum spectrum)
    {
        var table = Table("\nnoise", "directions\nabove", "forecast\nwhite dB", "forecast\nimages dB", "unbiased\nat most", "van Trees\nat most", "influence\nat most");
        foreach (var point in spectrum.Points.Where(point => IsWhole(point.Noise) || point.Noise == report.Noise))
            table.AddRow(Figures.Short(point.Noise), Range(point.Directions, "N0"), Range(point.White, "0.0"), Range(point.Images, "0.0"),
                point.Unbiased is { } bound ? bound.ToString("0.0", CultureInfo.InvariantCulture) : "none", point.VanTrees.ToString("0.0", CultureInfo.InvariantCulture),
                point.Influence.ToString("0.0", CultureInfo.InvariantCulture));
        return table;
    }

    private static bool IsWhole(double noise) => Math.Abs(Math.Log10(noise) - Math.Round(Math.Log10(noise))) < 1e-9;

    private static Table Table(string first, params string[] others)
    {
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        table.AddColumn(new TableColumn(new Text(first, new(Color.Grey))) { Padding = new(1, 0, 0, 0) });
        foreach (var title in others)
            table.AddColumn(new TableColumn(new Text(title, new(Color.Grey))) { Alignment = Justify.Right, Padding = new(1, 0, 0, 0) });
        return table;
    }

    private static void Line(IAnsiConsole console, string text)
    {
        console.Write(new Text(text, new(Color.Grey)));
        console.WriteLine();
    }

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Range(Bracket bracket, string format)
    {
        var (low, high) = (bracket.Low.ToString(format, CultureInfo.InvariantCulture), bracket.High.ToString(format, CultureInfo.InvariantCulture));
        return low == high ? low : $"{low}\n{high}";
    }
}
