using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes report.csv (RFC 4180): one row for each image, and one for each case that has no image.</summary>
public static class CsvExporter
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "report.csv";

    /// <summary>Writes the file into a folder and returns its path.</summary>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, Write(report));
        return path;
    }

    /// <summary>The content of the file.</summary>
    public static string Write(AuditReport report)
    {
        var images = report.Cases.SelectMany(found => found.Images).ToArray();
        string[] axes = [.. report.Cases.SelectMany(found => found.Axes.Keys).Distinct().Order(StringComparer.Ordinal)];
        string[] metrics = [.. images.SelectMany(image => image.Metrics.Keys).Distinct().Order(StringComparer.Ordinal)];
        (string Baseline, string Metric)[] baselines =
        [
            .. images.SelectMany(image => image.Baselines).SelectMany(pair => pair.Value.Keys.Select(metric => (pair.Key, metric)))
                .Distinct().OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.metric, StringComparer.Ordinal),
        ];

        string[] leakage = report.Cases.Any(found => found.Leakage is not null)
            ? ["forecast least", "forecast most", "forecast of image", "update noise", "van Trees bound"] : [];

        var table = new StringBuilder();
        WriteRow(table,
        [
            "case", "name", .. axes.Select(axis => "axis " + axis), "image", "trueLabel", "recoveredLabel", "confidence",
            .. metrics, .. baselines.Select(pair => $"{pair.Metric} of {pair.Baseline}"),
            .. leakage, "level", "outcome", "relativeMisfit", "labelAccuracy",
            "seed", "evaluations", "iterations", "restarts", "seconds", "cpuSeconds",
        ]);
        foreach (var found in report.Cases)
            foreach (var image in found.Images.Cast<ImageReport?>().DefaultIfEmpty())
                WriteRow(table,
                [
                    found.Id, Text(found.Name), .. axes.Select(axis => Text(found.Axes.GetValueOrDefault(axis))),
                    Number(image?.Index), Text(image?.TrueLabel), Text(image?.RecoveredLabel), Number(image?.Confidence),
                    .. metrics.Select(metric => image is not null && image.Metrics.TryGetValue(metric, out var value) ? Number(value) : ""),
                    .. baselines.Select(pair => image is not null && image.Baselines.TryGetValue(pair.Baseline, out var of)
                        && of.TryGetValue(pair.Metric, out var value) ? Number(value) : ""),
                    .. Leakage(found.Leakage, image).Take(leakage.Length),
                    JsonNamingPolicy.CamelCase.ConvertName(found.Verdict.Level.ToString()), Text(found.Outcome),
                    Number(found.RelativeMisfit), Number(found.LabelAccuracy),
                    Number(found.Seed), Number(found.Cost.Evaluations), Number(found.Cost.Iterations), Number(found.Cost.Restarts),
                    Number(found.Cost.Seconds), Number(found.Cost.CpuSeconds),
                ]);
        return table.ToString();
    }

    private static IEnumerable<string> Leakage(CaseLeakage? found, ImageReport? image) =>
    [
        Number(found?.Forecast().Images.Low), Number(found?.Forecast().Images.High),
        Number(found?.Images.FirstOrDefault(of => of.Index == image?.Index)?.Psnr),
        Number(found?.Noise), Number(found?.Forecast().VanTrees),
    ];

    /// <summary>An apostrophe before text that begins like a formula, which a spreadsheet would otherwise execute.</summary>
    internal static string Text(string? text) =>
        text is { Length: > 0 } && "=+-@\t\r".Contains(text[0]) && !double.TryParse(text, CultureInfo.InvariantCulture, out _)
            ? "'" + text
            : text ?? "";

    private static string Number(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture) ?? "";

    internal static void WriteRow(StringBuilder table, IEnumerable<string> cells) =>
        table.AppendJoin(',', cells.Select(cell => cell.AsSpan().IndexOfAny("\",\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"")}\""))
            .Append("\r\n");
}
