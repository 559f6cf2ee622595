using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Every metric with its statistics over the batch, beside the baselines, which need no update.</summary>
internal static class MetricTable
{
    public static Element Draw(CaseReport found)
    {
        string[] baselines = [.. found.Baselines.Values.SelectMany(of => of.Keys).Distinct().Order(StringComparer.Ordinal)];
        var single = found.Images.Length <= 1;
        string[] spread = single ? [] : ["Minimum", "Mean", "Maximum", "Standard deviation"];
        return Tag("div",
            Tag("p", ("class", "note"), single
                ? "This image, and what needs no gradient."
                : $"Median and spread over {Numbers.Count(found.Images.Length, "image", "images")}, and what needs no gradient (medians)."),
            Table($"Metrics of {found.Name}", "numbers",
                [
                    Head("Metric"), Head(single ? "Value" : "Median", "lead"),
                    .. baselines.Select(name => Head(Capital(name), "baseline")), .. spread.Select(name => Head(name)),
                ],
                MetricText.InOrder(found.Metrics.Keys).Select(name => Row(found, name, baselines, single))),
            Tag("p", ("class", "note"), Explain(found, baselines)));
    }

    private static Element Row(CaseReport found, string name, string[] baselines, bool single)
    {
        var metric = MetricText.Of(name);
        var of = found.Metrics[name];
        double[] spread = single ? [] : [of.Minimum, of.Mean, of.Maximum, of.Deviation];
        return Tag("tr",
        [
            Tag("th", ("scope", "row"), metric.TitleWithUnit, metric.Meaning.Length == 0 ? null : Tag("small", metric.Meaning)),
            Tag("td", ("class", "lead"), metric.Format(of.Median)),
            .. baselines.Select(baseline => Tag("td", ("class", "baseline"),
                found.Baselines.TryGetValue(name, out var values) && values.TryGetValue(baseline, out var value)
                    ? metric.Format(value.Median) : "–")),
            .. spread.Select(value => Tag("td", metric.Format(value))),
        ]);
    }

    private static string Explain(CaseReport found, string[] baselines)
    {
        if (baselines.Length == 0)
            return "No baseline was computed. Without one a PSNR means nothing: a gray image already scores 10 to 15 dB against most " +
                "photographs.";
        var metric = MetricText.Of("psnr");
        if (metric.Strongest("psnr", found) is not { } best)
            return "A number means nothing by itself: the update gave away what lies beyond the baselines, which know " +
                "nothing of the batch.";
        var beyond = found.Metrics["psnr"].Median - best.Spread.Median;
        return $"A PSNR means nothing by itself: here the {best.Name}, which knows nothing of this batch, already scores " +
            $"{metric.WithUnit(best.Spread.Median)}. " +
            (beyond > 0
                ? $"The update gave away what lies beyond that: {metric.WithUnit(beyond)} in the median."
                : $"This reconstruction stays below that by {metric.WithUnit(-beyond)} in the median: it shows nothing that public " +
                    "images would not.");
    }
}
