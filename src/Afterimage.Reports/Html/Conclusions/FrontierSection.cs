using Afterimage.Reports.Conclusions;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>Accuracy against what leaks, one point for each defense.</summary>
internal static class FrontierSection
{
    public static Element? Draw(AuditReport report) => report.Frontier is not { } frontier ? null : Tag("section", ("class", "block"),
        Tag("h2", "Utility against privacy"),
        Tag("p", frontier.Sentence),
        Tag("div",
        [
            ("class", "plots"),
            Draw(frontier, "identified in the pool", "share of images found in the pool", 1, point => point.Identification is { } found
                ? (found.Rate(), found.Low, found.High) : null),
            Draw(frontier, "PSNR", "PSNR in dB", 0, point => point.Psnr is { } psnr
                ? (psnr.Mean, psnr.Mean - Half(psnr), psnr.Mean + Half(psnr)) : null),
            Draw(frontier, "forecast", "forecast of the best linear attacker in dB", 0,
                point => point.Forecast is { } forecast && double.IsFinite(forecast) ? (forecast, forecast, forecast) : null),
        ]),
        Table("Defenses", "numbers",
            [
                Head("Defense"), Head("Accuracy", "lead"), Head("95 %"), Head("PSNR dB", "lead"), Head("Identified", "lead"), Head("95 %"),
                Head("Recognizable"), Head("Forecast dB"), Head("Converged"), Head("Frontier", "words"),
                frontier.Requirement is null ? null : Head("Meets", "words"),
            ],
            frontier.Points.Select(point => Row(point, frontier))));

    /// <summary>Half of the 95 % interval of a mean.</summary>
    private static double Half(Spread spread) => 1.96 * spread.Deviation / Math.Sqrt(spread.Count);

    private static Element? Draw(Frontier frontier, string title, string axis, double least,
        Func<FrontierPoint, (double At, double Low, double High)?> of)
    {
        var points = frontier.Points.Where(point => of(point) is not null).ToArray();
        if (points.Length == 0)
            return null;
        var values = points.SelectMany(point => new[] { of(point)!.Value.Low, of(point)!.Value.High }).ToArray();
        var accuracy = points.SelectMany(point => new[] { point.AccuracyInterval.Low, point.AccuracyInterval.High }).ToArray();
        Series[] series =
        [
            .. points.Select(point => Series(point, of(point)!.Value)),
            new("not dominated", [.. points.Where(point => point.OnFrontier).Select(point => new PlotPoint(of(point)!.Value.At,
                point.Accuracy.Mean)).OrderBy(point => point.X)]) { Reference = true },
        ];
        var plot = new Plot($"Accuracy over {title}", string.Join(" ", points.Select(point =>
                $"{point.Name}: {Numbers.Percent(point.Accuracy.Mean)} at {Numbers.Short(of(point)!.Value.At)}.")),
            axis, "test accuracy", LinearScale.Covering(Math.Min(0, values.Min()), Math.Max(least, values.Max())),
            LinearScale.Covering(Math.Max(0, accuracy.Min() - 0.02), accuracy.Max()), series);
        return Captioned(plot, "Up is more useful, left is more private. Bars are 95 % intervals; a defense whose attacks did not " +
            "converge is not shown to protect.");
    }

    private static Series Series(FrontierPoint point, (double At, double Low, double High) leak)
    {
        var mean = point.Accuracy.Mean;
        return new(point.Name, [new(leak.At, mean)])
        {
            Markers = true,
            Loose = true,
            Whiskers =
            [
                (new(leak.Low, mean), new(leak.High, mean)),
                (new(leak.At, point.AccuracyInterval.Low), new(leak.At, point.AccuracyInterval.High)),
            ],
        };
    }

    private static Element Row(FrontierPoint point, Frontier frontier) => Tag("tr",
        Tag("th", ("scope", "row"), point.Name),
        Tag("td", ("class", "lead"), Numbers.Percent(point.Accuracy.Mean)),
        Tag("td", $"{Numbers.Percent(point.AccuracyInterval.Low)} to {Numbers.Percent(point.AccuracyInterval.High)}"),
        Tag("td", ("class", "lead"), point.Psnr is { } psnr ? $"{Numbers.Fixed(psnr.Mean, 1)} ± {Numbers.Fixed(Half(psnr), 1)}" : "–"),
        Tag("td", ("class", "lead"), point.Identification is { } found ? Numbers.Percent(found.Rate()) : "–"),
        Tag("td", point.Identification is { } rate
            ? $"{Numbers.Percent(rate.Low)} to {Numbers.Percent(rate.High)}, chance {Numbers.Fixed(100 * rate.Chance(), 1)} %" : "–"),
        Tag("td", Numbers.Percent(point.Recognizable)),
        Tag("td", point.Forecast is { } forecast ? Numbers.Fixed(forecast, 1) : "–"),
        Tag("td", $"{Numbers.Count(point.Converged)} of {Numbers.Count(point.Updates)}"),
        Tag("td", ("class", "words"), point.OnFrontier ? "yes" : "no"),
        frontier.Requirement is null ? null : Tag("td", ("class", "words"),
            point.Name == frontier.Choice ? "● chosen" : point.Meets == true ? "yes" : "no"));
}
