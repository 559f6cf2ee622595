using System.Collections.Immutable;
using System.Text.Json;

namespace Afterimage.Reports.Exporters;

/// <summary>One column of a table of results.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Type">The type of its values: text, a double, or a whole number (int or ulong).</param>
/// <param name="Values">One for each row; null where there is none.</param>
public sealed record ResultColumn(string Name, Type Type, ImmutableArray<object?> Values);

/// <summary>The results of an audit as columns: one row for each image, and one for each case that has no image.</summary>
public static class ResultTable
{
    /// <summary>The columns of a report.</summary>
    public static ImmutableArray<ResultColumn> Of(AuditReport report)
    {
        (CaseReport Case, ImageReport? Image)[] rows = [.. report.Cases.SelectMany(found =>
            found.Images.Cast<ImageReport?>().DefaultIfEmpty().Select(image => (found, image)))];
        ResultColumn Column<T>(string name, Func<CaseReport, ImageReport?, object?> of) =>
            new(name, typeof(T), [.. rows.Select(row => of(row.Case, row.Image))]);
        return
        [
            Column<string>("case", (found, _) => found.Id), Column<string>("name", (found, _) => found.Name),
            .. Distinct(report.Cases.SelectMany(found => found.Axes.Keys))
                .Select(axis => Column<string>("axis " + axis, (found, _) => found.Axes.GetValueOrDefault(axis))),
            Column<int>("image", (_, image) => image?.Index), Column<string>("trueLabel", (_, image) => image?.TrueLabel),
            Column<string>("recoveredLabel", (_, image) => image?.RecoveredLabel),
            Column<double>("confidence", (_, image) => image?.Confidence),
            .. Distinct(rows.SelectMany(row => row.Image?.Metrics.Keys ?? []))
                .Select(metric => Column<double>(metric, (_, image) => Value(image?.Metrics, metric))),
            .. Baselines(rows.Select(row => row.Image).OfType<ImageReport>()).Select(pair => Column<double>(
                $"{pair.Metric} of {pair.Baseline}", (_, image) => Value(image?.Baselines.GetValueOrDefault(pair.Baseline), pair.Metric))),
            .. report.Cases.Any(found => found.Leakage is not null) ? Leakage(Column<double>) : [],
            Column<string>("level", (found, _) => JsonNamingPolicy.CamelCase.ConvertName(found.Verdict.Level.ToString())),
            Column<string>("outcome", (found, _) => found.Outcome),
            Column<double>("relativeMisfit", (found, _) => found.RelativeMisfit),
            Column<double>("labelAccuracy", (found, _) => found.LabelAccuracy),
            Column<ulong>("seed", (found, _) => found.Seed), Column<int>("evaluations", (found, _) => found.Cost.Evaluations),
            Column<int>("iterations", (found, _) => found.Cost.Iterations), Column<int>("restarts", (found, _) => found.Cost.Restarts),
            Column<double>("seconds", (found, _) => found.Cost.Seconds),
            Column<double>("cpuSeconds", (found, _) => found.Cost.CpuSeconds),
        ];
    }

    private static ResultColumn[] Leakage(Func<string, Func<CaseReport, ImageReport?, object?>, ResultColumn> column) =>
    [
        column("forecast least", (found, _) => found.Leakage?.Forecast().Images.Low),
        column("forecast most", (found, _) => found.Leakage?.Forecast().Images.High),
        column("forecast of image", (found, image) => found.Leakage?.Images.FirstOrDefault(of => of.Index == image?.Index)?.Psnr),
        column("update noise", (found, _) => found.Leakage?.Noise),
        column("van Trees bound", (found, _) => found.Leakage?.Forecast().VanTrees),
    ];

    private static string[] Distinct(IEnumerable<string> names) => [.. names.Distinct().Order(StringComparer.Ordinal)];

    private static IEnumerable<(string Baseline, string Metric)> Baselines(IEnumerable<ImageReport> images) =>
        images.SelectMany(image => image.Baselines).SelectMany(pair => pair.Value.Keys.Select(metric => (pair.Key, metric))).Distinct()
            .OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.metric, StringComparer.Ordinal);

    private static object? Value(ImmutableSortedDictionary<string, double>? values, string name) =>
        values is not null && values.TryGetValue(name, out var value) ? value : null;
}
