using Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Elements.Markup;

namespace Afterimage.Reports.Html.Plots;

/// <summary>Forecasts against what attacks reached, one point for each case.</summary>
internal static class ComparisonPlot
{
    private const int MostColors = 6;

    public static Element? Draw(AuditReport report)
    {
        if (report.Comparison is not { } comparison)
            return null;
        (CaseReport Case, PlotPoint Point)[] cases = [.. report.Cases
            .Where(found => found.Leakage is { } leakage && leakage.CanBeTested() && found.Metrics.TryGetValue("mse", out var error) && error.Mean > 0)
            .Select(found => (found, new PlotPoint(Middle(found.Leakage!.Forecast().Images), -10 * Math.Log10(found.Metrics["mse"].Mean))))];
        var high = cases.SelectMany(at => new[] { at.Point.X, at.Point.Y }).Max();
        var scale = LinearScale.Covering(Math.Min(0, cases.SelectMany(at => new[] { at.Point.X, at.Point.Y }).Min()), high);
        Series[] series =
        [
            .. Grouped(report, cases).Select(group => new Series(group.Key, [.. group.Select(at => at.Point)]) { Markers = true, Loose = true }),
            new("as forecast", [new(scale.Low, scale.Low), new(scale.High, scale.High)]) { Reference = true },
        ];
        var said = $"Rank correlation (Spearman) {Numbers.Fixed(comparison.Spearman, 2)} over {Numbers.Count(comparison.Cases)} cases; the median case " +
            $"stays {Numbers.Fixed(comparison.MedianGap, 1)} dB below its forecast; {Numbers.Count(comparison.Above, "case passes", "cases pass")} the van Trees bound " +
            "by more than three statistical errors.";
        return Tag("section", ("class", "block"), Tag("h2", "Forecast against attack"),
            Tag("p", said),
            Tag("div", ("class", "plots"), Tag("figure", ("class", "plot-figure"),
                new Plot("Reached over forecast PSNR", said, "forecast in dB", "reached PSNR in dB", scale, scale, series).Draw(),
                Tag("figcaption", "Below the line an attack missed what the update tells; above it, images are simpler than the forecast's model of them."))));
    }

    /// <summary>By the axis with the fewest values that tells cases apart.</summary>
    private static IEnumerable<IGrouping<string, (CaseReport Case, PlotPoint Point)>> Grouped(AuditReport report, (CaseReport Case, PlotPoint Point)[] cases)
    {
        var axis = Axes.Of(report).Where(axis => !axis.Numeric)
            .Select(axis => (axis, Count: cases.Select(at => at.Case.Axes.GetValueOrDefault(axis.Name)).Distinct().Count()))
            .Where(pair => pair.Count is > 1 and < MostColors).OrderBy(pair => pair.Count).Select(pair => pair.axis).FirstOrDefault();
        return cases.GroupBy(at => axis is null ? "cases" : $"{axis.Short} {at.Case.Axes.GetValueOrDefault(axis.Name, "–")}");
    }

    private static double Middle(Bracket bracket) => (bracket.Low + bracket.High) / 2;
}
