using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>The PSNR that attacks reached over the forecast, one point for each case.</summary>
internal static class ComparisonPlot
{
    private const int MostColors = 6;

    public static Element? Draw(AuditReport report)
    {
        if (report.Comparison is not { } comparison)
            return null;
        Tested[] cases = [.. report.Cases.Select(Test).OfType<Tested>()];
        double[] values = [.. cases.SelectMany(at => new[] { at.Point.X, at.Point.Y })];
        var scale = LinearScale.Covering(Math.Min(0, values.Min()), values.Max());
        Series[] series =
        [
            .. Grouped(report, cases).Select(group => new Series(group.Key, [.. group.Select(at => at.Point)])
            {
                Markers = true, Loose = true,
            }),
            new("as forecast", [new(scale.Low, scale.Low), new(scale.High, scale.High)]) { Reference = true },
        ];
        var sentence = $"Rank correlation (Spearman) {Numbers.Fixed(comparison.Spearman, 2)} " +
            $"over {Numbers.Count(comparison.Cases)} cases; " +
            $"the median case stays {Numbers.Fixed(comparison.MedianGap, 1)} dB below its forecast; " +
            $"{Numbers.Count(comparison.Above, "case passes", "cases pass")} the van Trees bound by more than three statistical errors.";
        return Tag("section", ("class", "block"), Tag("h2", "Forecast against attack"),
            Tag("p", sentence),
            Tag("div", ("class", "plots"), Captioned(
                new("Reached over forecast PSNR", sentence, "forecast in dB", "reached PSNR in dB", scale, scale, series),
                "Below the line an attack missed what the update tells; above it, images are simpler than the forecast's model of them.")));
    }

    private sealed record Tested(CaseReport Case, PlotPoint Point);

    private static Tested? Test(CaseReport found) => found.Leakage is { } leakage && leakage.CanBeTested()
        && found.Metrics.TryGetValue("mse", out var error) && error.Mean > 0
        ? new(found, new(Middle(leakage.Forecast().Images), -10 * Math.Log10(error.Mean))) : null;

    /// <summary>Cases by their values on the axis of words that has the fewest values, but more than one.</summary>
    private static IEnumerable<IGrouping<string, Tested>> Grouped(AuditReport report, Tested[] cases)
    {
        var axis = Axes.Of(report).Where(axis => !axis.Numeric)
            .Select(axis => (axis, Count: cases.Select(at => at.Case.Axes.GetValueOrDefault(axis.Name)).Distinct().Count()))
            .Where(pair => pair.Count is > 1 and < MostColors).OrderBy(pair => pair.Count).Select(pair => pair.axis).FirstOrDefault();
        return cases.GroupBy(at => axis is null ? "cases" : $"{axis.Short} {at.Case.Axes.GetValueOrDefault(axis.Name, "–")}");
    }

    private static double Middle(Bracket bracket) => (bracket.Low + bracket.High) / 2;
}
