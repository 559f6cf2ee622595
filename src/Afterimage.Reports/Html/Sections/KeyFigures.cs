using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The main numbers of a case, each with what it must be compared with.</summary>
internal static class KeyFigures
{
    public static Element Draw(CaseReport found) => Tag("dl",
    [
        ("class", "key-figures"),
        Metric(found, "psnr"),
        Metric(found, "ssim"),
        found.LabelAccuracy is { } accuracy ? Figure("Labels right", Numbers.Percent(accuracy), "of the batch, in any order") : null,
        found.Metrics.IsEmpty && found.Images.Length > 0
            ? Figure("Confidence in labels", Numbers.Percent(found.Images.Average(image => image.Confidence)),
                "the attacker's own, on average")
            : null,
        Figure("Relative misfit", Numbers.Short(found.RelativeMisfit), "all that the attacker can see of its success"),
        Figure("Effort", Numbers.Count(found.Cost.Evaluations), $"evaluations in {Numbers.Seconds(found.Cost.Seconds)}"),
    ]);

    private static Element? Metric(CaseReport found, string name)
    {
        if (!found.Metrics.TryGetValue(name, out var spread))
            return null;
        var metric = MetricText.Of(name);
        return Figure(spread.Count == 1 ? metric.Title : $"{metric.Title}, median", metric.WithUnit(spread.Median),
            metric.Strongest(name, found) is { } best ? $"{best.Name}: {metric.WithUnit(best.Spread.Median)}" : "no baseline computed");
    }
}
