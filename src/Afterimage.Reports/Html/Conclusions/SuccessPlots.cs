using Afterimage.Reports.Conclusions;
using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>How often each setting reaches a threshold, with the intervals of the rates.</summary>
internal static class SuccessPlots
{
    private const int MostBands = 3;

    public static Element? Draw(AuditReport report) => report.Success.IsEmpty ? null : Tag("section", ("class", "block"),
        Tag("h2", "How often a threshold is reached"),
        Tag("div", [("class", "plots"), .. report.Success.GroupBy(curve => curve.Metric).Select(Draw)]));

    private static Element Draw(IGrouping<string, SuccessCurve> curves)
    {
        var (metric, all) = (MetricText.Of(curves.Key), curves.ToArray());
        var banded = all.Length <= MostBands;
        var thresholds = all[0].Points.Select(point => point.Threshold).ToArray();
        Series[] series = [.. all.Select(curve => new Series(curve.Name,
            [.. curve.Points.Select(point => new PlotPoint(point.Threshold, point.Rate))])
        {
            Band = banded ? [.. curve.Points.Select(point => (point.Threshold, point.Low, point.High))] : [],
        })];
        var plot = new Plot($"Success over {metric.Title}", string.Join(" ", all.Select(curve =>
                $"{curve.Name}: {Numbers.Percent(curve.Points[0].Rate)} at {Numbers.Short(thresholds[0])}, " +
                $"{Numbers.Percent(curve.Points[^1].Rate)} at {Numbers.Short(thresholds[^1])}.")),
            $"threshold, {metric.TitleWithUnit}", "share of images", LinearScale.Covering(thresholds[0], thresholds[^1]),
            LinearScale.Covering(0, 1), series);
        return Captioned(plot, $"Share of images with {metric.Title} at or above the threshold, over " +
            $"{string.Join(", ", all.Select(curve => curve.Images).Distinct().Order())} images" +
            (banded ? "; the band is the 95 % interval (Wilson)." : "."));
    }
}
