using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The page of a leakage analysis, batch by batch.</summary>
internal static class LeakagePage
{
    public static string Write(LeakageReport report, Pictures pictures) => Page.Write($"Leakage: {report.Title}",
        Tag("header", ("class", "banner level-unjudged"), Tag("div", ("class", "wide"),
            Tag("div", ("class", "masthead"),
                Tag("span", ("class", "wordmark"), "Afterimage"),
                Tag("span", "What a training update tells at best")),
            Tag("h1", report.Title),
            Tag("section", ("class", "verdict"), ("aria-label", "Verdict"), Tag("div", Tag("p", ("class", "sentence"), report.Sentence))),
            Tag("div", ("class", "imprint"),
                Tag("p", "A forecast, to first order at these images; nobody attacked."), Tag("p", $"Afterimage {report.Version}")))),
        [
            report.Cases.Length > 1 ? LeakagePlots.OverBatch(report) : null,
            .. report.Cases.Select(found => Case(report, found, pictures)),
        ],
        [Page.RunAgain(report.Command, report.Experiment), Page.Citations(report.Citations)]);

    private static Element Case(LeakageReport report, LeakageCase found, Pictures pictures) => Tag("section", ("class", "case"),
        Tag("h2", found.Name),
        Tag("p", ("class", "note"), found.PerLayer.Method),
        found.Exactness is { } exactness ? Tag("p", ("class", "note"), exactness) : null,
        Figures(report, found.PerLayer),
        Tag("section", ("class", "block"), Tag("div", ("class", "plots"),
            LeakagePlots.Spectrum(found),
            LeakagePlots.Forecast(report, found))),
        Tag("section", ("class", "block"), Tag("h3", "Where the update determines the images"),
            Tag("p", ("class", "note"), $"Noise {Numbers.Short(report.Noise)} of each layer. {LeakageText.Shades(found.Images)}"),
            Tag("div", [("class", "images pairs"), .. found.Images.Select(image =>
                LeakageText.Card(image, "Image", $"Image {image.Index}, {image.Label}", found.PerLayer.Exact, pictures))])),
        AllNumbers("All numbers, noise measured against each layer", found.PerLayer),
        AllNumbers("All numbers, noise measured against the whole update", found.Whole));

    private static Element Figures(LeakageReport report, LeakageSpectrum layers)
    {
        var (point, unknowns, noise) = (layers.At(report.Noise), Numbers.Count(layers.Unknowns), Numbers.Short(report.Noise));
        return Tag("dl", ("class", "key-figures"),
            Figure("Rank", layers.Rank is { } rank ? Numbers.Count(rank) : "open",
                $"of {unknowns} unknowns, from {Numbers.Count(layers.Equations)} numbers"),
            Figure("Condition", layers.Condition is { } condition ? LeakageText.Short(condition) : "open", "layers weighted by 1/rms"),
            Figure("Forecast", LeakageText.Decibels(point.Images, " dB"), $"knowing images ({report.Prior}), noise {noise}"),
            Figure("Forecast, white", LeakageText.Decibels(point.White, " dB"), "knowing only how much pixels vary"),
            Figure("Directions", LeakageText.Directions(point.Directions), $"of {unknowns} survive noise {noise}"));
    }

    private static Element AllNumbers(string title, LeakageSpectrum spectrum) => Tag("details", Tag("summary", title),
        Table(title, "numbers",
            [
                Head("noise"), Head("directions"), Head("white dB"), Head("images dB"), Head("unbiased at most"),
                Head("Fisher trace"), Head("van Trees"), Head("influence"), Head("information loss"),
            ],
            spectrum.Points.Select(Row)));

    private static Element Row(LeakageForecast point) => Tag("tr",
    [
        .. new[]
        {
            Numbers.Short(point.Noise), LeakageText.Directions(point.Directions),
            LeakageText.Decibels(point.White), LeakageText.Decibels(point.Images),
            point.Unbiased is { } bound ? Numbers.Fixed(bound, 1) : "–", Numbers.Fixed(point.FisherTrace, 1),
            Numbers.Fixed(point.VanTrees, 1), Numbers.Fixed(point.Influence, 1), Numbers.Short(point.InformationLoss),
        }.Select(cell => Tag("td", cell)),
    ]);
}
