using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>A metric over the numeric axis of a sweep: median and range, one line for each setting of the other axes.</summary>
internal static class SweepPlot
{
    private const int MostBands = 3;

    public static Element? Draw(AuditReport report, Pictures pictures)
    {
        var axes = Axes.Of(report);
        var over = axes.Where(axis => axis.Numeric && !IsSeed(axis)).MaxBy(axis => Values(report, axis).Length);
        if (over is null || Values(report, over) is not { Length: > 1 } values)
            return null;
        Axis[] others = [.. axes.Where(axis => axis != over && !IsSeed(axis))];
        Element[] plots = [.. new[] { "psnr", "ssim" }.Select(metric => Draw(report, metric, over, others, values)).OfType<Element>()];
        return plots.Length == 0
            ? null
            : Tag("section", ("class", "block"), Tag("h2", $"Over {over.Short}"),
            Tag("div", [("class", "plots"), .. plots]),
            SweepPictures.Draw(report, over, values, pictures));
    }

    private static Element? Draw(AuditReport report, string name, Axis over, Axis[] others, double[] values)
    {
        CaseReport[] cases = [.. report.Cases.Where(found => found.Metrics.ContainsKey(name) && Axes.Value(found, over.Name) is not null)];
        if (cases.Length < 2)
            return null;
        var metric = MetricText.Of(name);
        var lines = cases.GroupBy(found =>
            string.Join(", ", others.Select(axis => $"{axis.Short} {found.Axes.GetValueOrDefault(axis.Name, "–")}")))
            .Select(group => Line(group.Key.Length == 0 ? "reconstruction, median" : group.Key, group, name, over)).ToArray();
        var banded = lines.Length <= MostBands;
        if (!banded)
            lines = [.. lines.Select(line => line with { Band = [] })];
        Series[] series = [.. lines, .. Baseline(cases, metric, name, over)];
        var all = series.SelectMany(line => line.Points.Select(point => point.Y)
            .Concat(line.Band.SelectMany(at => new[] { at.Low, at.High })))
            .Where(double.IsFinite).ToArray();
        if (all.Length == 0)
            return null;
        var plot = new Plot($"{metric.Title} over {over.Short}", string.Join(" ", lines.Select(line =>
                $"{line.Name}: " + string.Join(", ",
                    line.Points.Select(point => $"{metric.WithUnit(point.Y)} at {Numbers.Short(point.X)}")) + ".")),
            over.Short, metric.TitleWithUnit, XScale(values), LinearScale.Covering(Math.Min(0, all.Min()), all.Max()), series);
        return Captioned(plot, $"Median {metric.Title} of each case over {over.Short}" +
            (banded ? "; the band reaches from the worst to the best image." : "."));
    }

    /// <summary>Cases that differ only by their seed or trial share a point.</summary>
    private static Series Line(string title, IEnumerable<CaseReport> cases, string name, Axis over)
    {
        var points = cases.GroupBy(found => Axes.Value(found, over.Name)!.Value).OrderBy(group => group.Key)
            .Select(group => (X: group.Key,
                Spreads: group.Select(found => found.Metrics[name]).Where(spread => double.IsFinite(spread.Median)).ToArray()))
            .Where(group => group.Spreads.Length > 0).ToArray();
        return new(title, [.. points.Select(at => new PlotPoint(at.X, Spread.Of(at.Spreads.Select(spread => spread.Median)).Median))])
        {
            Band = [.. points.Select(at => (at.X, at.Spreads.Min(spread => spread.Minimum), at.Spreads.Max(spread => spread.Maximum)))],
            Markers = true,
        };
    }

    private static IEnumerable<Series> Baseline(CaseReport[] cases, MetricText metric, string name, Axis over)
    {
        var points = cases.Select(found => (X: Axes.Value(found, over.Name)!.Value, Best: metric.Strongest(name, found)))
            .Where(at => at.Best is not null).GroupBy(at => at.X).OrderBy(group => group.Key)
            .Select(group => new PlotPoint(group.Key, Spread.Of(group.Select(at => at.Best!.Value.Spread.Median)).Median)).ToArray();
        if (points.Length > 1)
            yield return new("best baseline (needs no update)", points) { Reference = true };
    }

    /// <summary>Linear or logarithmic, whichever spreads the values better; evenly spaced where neither does.</summary>
    public static Scale XScale(double[] values)
    {
        Tick[] ticks = [.. values.Where((_, index) => index % ((values.Length + 5) / 6) == 0)
            .Select(value => new Tick(value, Numbers.Short(value)))];
        var linear = SmallestGap(values);
        if (values[0] > 0 && SmallestGap([.. values.Select(value => Math.Log(value))]) > linear * (1 + 1e-9))
            return new LogScale(values[0], values[^1], ticks);
        return linear >= 1.0 / 12 ? new LinearScale(values[0], values[^1], ticks) : new OrdinalScale(values, ticks);
    }

    /// <summary>The smallest distance of two neighbors, as a share of the whole range.</summary>
    private static double SmallestGap(double[] values) =>
        values.Zip(values.Skip(1), (low, high) => high - low).Min() / (values[^1] - values[0]);

    private static double[] Values(AuditReport report, Axis axis) =>
        [.. report.Cases.Select(found => Axes.Value(found, axis.Name)).OfType<double>().Distinct().Order()];

    private static bool IsSeed(Axis axis) => axis.Name.EndsWith("seed", StringComparison.OrdinalIgnoreCase) || axis.Name == "trial";
}
