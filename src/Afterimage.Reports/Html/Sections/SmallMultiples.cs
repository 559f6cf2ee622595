using System.Globalization;
using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>
/// A sweep of two axes and more in small plots beside one another, one for each value of one axis, all on the same scales: the best
/// known metric over another axis, with a line for each setting of the rest.
/// </summary>
internal static class SmallMultiples
{
    private const int MostPanels = 24, MostLines = 6;

    public static Element? Draw(AuditReport report)
    {
        var axes = Axes.Of(report).Where(axis => !IsSeed(axis)).ToArray();
        var name = new[] { "psnr", "ssim" }.FirstOrDefault(metric => report.Cases.Any(found => found.Metrics.ContainsKey(metric)));
        if (axes.Length < 2 || name is null)
            return null;
        var cases = report.Cases.Where(found => axes.All(axis => found.Axes.ContainsKey(axis.Name))
            && found.Metrics.TryGetValue(name, out var spread) && double.IsFinite(spread.Median)).ToArray();
        var over = axes.OrderByDescending(axis => axis.Numeric).ThenByDescending(axis => Texts(cases, axis).Length).First();
        var panels = axes.Where(axis => axis != over && Texts(cases, axis).Length <= MostPanels).MaxBy(axis => Texts(cases, axis).Length);
        var places = Texts(cases, over);
        if (panels is null || places.Length < 2 || Texts(cases, panels).Length < 2)
            return null;
        var metric = MetricText.Of(name);
        var all = cases.SelectMany(found => new[] { found.Metrics[name].Median }
            .Concat(metric.Strongest(name, found) is { } best ? [best.Spread.Median] : [])).ToArray();
        var scale = LinearScale.Covering(Math.Min(0, all.Min()), all.Max());
        return Tag("section", ("class", "block"), Tag("h2", $"By {panels.Short}"),
            Tag("p", ("class", "note"), $"Median {metric.Title} over {over.Short}, the median of all cases of a setting; one plot " +
                "for each " +
                $"{panels.Short}, all on the same scale. The dotted line is the best baseline, which needs no update."),
            Tag("div",
            [
                ("class", "plots multiples"),
                .. Texts(cases, panels).Select(value => Panel(value, [.. cases.Where(found => found.Axes[panels.Name] == value)])),
            ]));

        Element Panel(string value, CaseReport[] shown)
        {
            Axis[] rest = [.. axes.Where(axis => axis != over && axis != panels)];
            var lines = shown.GroupBy(found => string.Join(", ", rest.Select(axis => $"{axis.Short} {found.Axes[axis.Name]}"))).ToArray();
            if (lines.Length > MostLines)
                lines = [.. shown.GroupBy(_ => "all settings")];
            Series[] series =
            [
                .. lines.Select(line => Line(line.Key.Length == 0 ? "reconstruction" : line.Key, line,
                    found => found.Metrics[name].Median) with { Markers = true, Loose = !over.Numeric }),
                Line("best baseline", shown.Where(found => metric.Strongest(name, found) is not null),
                    found => metric.Strongest(name, found)!.Value.Spread.Median) with { Reference = true },
            ];
            Tick[] ticks = [.. places.Select((text, place) => new Tick(place, text))];
            Tick[] shownTicks = [.. ticks.Where((_, place) => place % ((ticks.Length + 5) / 6) == 0)];
            var plot = new Plot($"{panels.Short} {value}: {metric.Title} over {over.Short}",
                string.Join(" ", series.Select(line => $"{line.Name}: " + string.Join(", ",
                    line.Points.Select(point => $"{metric.WithUnit(point.Y)} at {places[(int)point.X]}")) + ".")),
                over.Short, metric.TitleWithUnit,
                new OrdinalScale([.. ticks.Select(tick => tick.Value)], shownTicks), scale, series);
            return Captioned(plot, $"{panels.Short} {value}, {shown.Length} case{(shown.Length == 1 ? "" : "s")}");
        }

        Series Line(string title, IEnumerable<CaseReport> of, Func<CaseReport, double> value) => new(title,
        [
            .. of.GroupBy(found => Array.IndexOf(places, found.Axes[over.Name])).OrderBy(group => group.Key)
                .Select(group => new PlotPoint(group.Key, Spread.Of(group.Select(value)).Median)),
        ]);
    }

    private static string[] Texts(CaseReport[] cases, Axis axis)
    {
        var texts = cases.Select(found => found.Axes[axis.Name]).Distinct();
        return axis.Numeric ? [.. texts.OrderBy(text => double.Parse(text, CultureInfo.InvariantCulture))] : [.. texts];
    }

    private static bool IsSeed(Axis axis) => axis.Name.EndsWith("seed", StringComparison.OrdinalIgnoreCase) || axis.Name == "trial";
}
