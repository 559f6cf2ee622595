using System.Globalization;
using System.Text;

namespace Afterimage.Reports.Exporters;

/// <summary>
/// Writes frontier.csv (RFC 4180), one row for each defense, and rounds.csv, one for each attacked update and parameter tensor.
/// </summary>
public static class FrontierExporter
{
    /// <summary>Name of the file of defenses.</summary>
    public const string FileName = "frontier.csv";

    /// <summary>Name of the file of rounds.</summary>
    public const string RoundsName = "rounds.csv";

    /// <summary>Writes both files into a folder and returns the path of the first.</summary>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, Write(report));
        File.WriteAllText(Path.Combine(folder, RoundsName), Rounds(report));
        return path;
    }

    /// <summary>The content of frontier.csv.</summary>
    public static string Write(AuditReport report)
    {
        var table = new StringBuilder();
        CsvExporter.WriteRow(table, ["defense", "accuracy", "accuracyLow", "accuracyHigh", "psnrMean", "psnrDeviation", "psnrMax",
            "identified", "identifiedLow", "identifiedHigh", "chance", "recognizable", "forecast", "updates", "converged", "frontier",
            "meets"]);
        foreach (var point in report.Frontier?.Points ?? [])
            CsvExporter.WriteRow(table,
            [
                CsvExporter.Text(point.Name), Number(point.Accuracy.Mean), Number(point.AccuracyInterval.Low),
                Number(point.AccuracyInterval.High), Number(point.Psnr?.Mean), Number(point.Psnr?.Deviation), Number(point.Psnr?.Maximum),
                Number(point.Identification?.Rate()), Number(point.Identification?.Low), Number(point.Identification?.High),
                Number(point.Identification?.Chance()), Number(point.Recognizable), Number(point.Forecast), Number(point.Updates),
                Number(point.Converged), point.OnFrontier ? "yes" : "no", point.Meets is { } meets ? meets ? "yes" : "no" : "",
            ]);
        return table.ToString();
    }

    /// <summary>The content of rounds.csv.</summary>
    public static string Rounds(AuditReport report)
    {
        var table = new StringBuilder();
        CsvExporter.WriteRow(table, ["case", "round", "client", "outcome", "relativeMisfit", "psnrMedian", "identified", "images",
            "forecast", "layer", "layerShare", "layerNorm"]);
        foreach (var found in report.Cases)
            foreach (var leak in found.Federation?.Rounds ?? [])
                foreach (var layer in leak.Layers.Cast<Conclusions.LayerLeak?>().DefaultIfEmpty())
                    CsvExporter.WriteRow(table,
                    [
                        CsvExporter.Text(found.Name), Number(leak.Round), Number(leak.Client), CsvExporter.Text(leak.Outcome),
                        Number(leak.Misfit), Number(leak.Psnr?.Median), Number(leak.Identified), Number(leak.Images),
                        Number(leak.Forecast?.Low), CsvExporter.Text(layer?.Name), Number(layer?.Share), Number(layer?.Norm),
                    ]);
        return table.ToString();
    }

    private static string Number(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture) ?? "";
}
