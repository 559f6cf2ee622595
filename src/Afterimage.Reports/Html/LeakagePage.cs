using Afterimage.Reports.Html.Elements;
using Afterimage.Reports.Html.Plots;
using static Afterimage.Reports.Html.Elements.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The page of a leakage analysis: what the update tells at best, batch by batch.</summary>
internal static class LeakagePage
{
    public static string Write(LeakageReport report, Pictures pictures) => Page.Write($"Leakage: {report.Title}",
        Tag("header", ("class", "banner level-unjudged"), Tag("div", ("class", "wide"),
            Tag("div", ("class", "masthead"),
                Tag("span", ("class", "wordmark"), "Afterimage"),
                Tag("span", "What a training update tells at best")),
            Tag("h1", report.Title),
            Tag("section", ("class", "verdict"), ("aria-label", "Verdict"), Tag("div", Tag("p", ("class", "sentence"), report.Sentence))),
            Tag("div", ("class", "imprint"), Tag("p", "A forecast, to first order at these images; nobody attacked."), Tag("p", $"Afterimage {report.Version}")))),
        [
            report.Cases.Length > 1 ? LeakagePlots.OverBatch(report) : null,
            .. report.Cases.Select(found => Case(report, found, pictures)),
        ],
        [Page.RunAgain(report.Command, report.Experiment), Page.Citations(report.Citations)]);

    private static Element Case(LeakageReport report, LeakageCase found, Pictures pictures) => Tag("section", ("class", "case"),
        Tag("h2", found.Name),
        Tag("p", ("class", "note"), found.PerLayer.Method),
        Figures(report, found),
        Tag("section", ("class", "block"), Tag("div", ("class", "plots"),
            LeakagePlots.Spectrum(found),
            LeakagePlots.Forecast(report, found))),
        Tag("section", ("class", "block"), Tag("h3", "Where the update determines the images"),
            Tag("p", ("class", "note"), $"Noise {Numbers.Short(report.Noise)} of each layer. Black: as uncertain as before; white: the variance fell to a millionth."),
            Tag("div", [("class", "images pairs"), .. found.Images.Select(image => Image(image, found.PerLayer.Exact, pictures))])),
        Tag("details", Tag("summary", "All numbers, noise measured against each layer"), Table(found.PerLayer)),
        Tag("details", Tag("summary", "All numbers, noise measured against the whole update"), Table(found.Whole)));

    private static Element Figures(LeakageReport report, LeakageCase found)
    {
        var (layers, point) = (found.PerLayer, found.PerLayer.At(report.Noise));
        return Tag("dl", ("class", "key-figures"),
            Figure("Rank", layers.Rank is { } rank ? Numbers.Count(rank) : "open", $"of {Numbers.Count(layers.Unknowns)} unknowns, from {Numbers.Count(layers.Equations)} numbers"),
            Figure("Condition", layers.Condition is { } condition ? Said(condition) : "open", "layers weighted by 1/rms"),
            Figure("Forecast", Range(point.Images, " dB"), $"knowing images ({report.Prior}), noise {Numbers.Short(report.Noise)}"),
            Figure("Forecast, white", Range(point.White, " dB"), "knowing only how much pixels vary"),
            Figure("Directions", Range(point.Directions, ""), $"of {Numbers.Count(layers.Unknowns)} survive noise {Numbers.Short(report.Noise)}"));
    }

    private static Element Figure(string title, string number, string beside) => Tag("div",
        Tag("dt", title), Tag("dd", ("class", "figure"), number), Tag("dd", ("class", "beside"), beside));

    private static Element Image(LeakageImage image, bool exact, Pictures pictures) => Tag("figure", ("class", "card"),
        Tag("div", ("class", "pair"),
            Tag("div", Tag("p", ("class", "role"), "Image"), pictures.Show(image.Truth, $"Image {image.Index}, label {image.Label}.", 192)),
            Tag("div", Tag("p", ("class", "role"), "Determined"), pictures.Show(image.Map, $"How well each pixel of image {image.Index} is determined.", 192))),
        Tag("figcaption", Tag("p", ("class", "name"), $"Image {image.Index}, {image.Label}"), Tag("p", $"{(exact ? "Forecast" : "At least")} {Numbers.Fixed(image.Psnr, 1)} dB")));

    private static Element Table(LeakageSpectrum spectrum) => Tag("div", ("class", "scroll"), ("tabindex", "0"), Tag("table", ("class", "numbers"),
        Tag("thead", Tag("tr", [.. new[] { "noise", "directions", "white dB", "images dB", "unbiased at most", "Fisher trace", "van Trees", "influence", "information loss" }
            .Select(title => Tag("th", ("scope", "col"), title))])),
        Tag("tbody", [.. spectrum.Points.Select(point => Tag("tr",
            Tag("td", Numbers.Short(point.Noise)), Tag("td", Range(point.Directions, "")), Tag("td", Range(point.White, "")), Tag("td", Range(point.Images, "")),
            Tag("td", point.Unbiased is { } bound ? Numbers.Fixed(bound, 1) : "–"), Tag("td", Numbers.Fixed(point.FisherTrace, 1)),
            Tag("td", Numbers.Fixed(point.VanTrees, 1)), Tag("td", Numbers.Fixed(point.Influence, 1)), Tag("td", Numbers.Short(point.InformationLoss))))])));

    private static string Range(Bracket bracket, string unit)
    {
        var (low, high) = (Said(bracket.Low), Said(bracket.High));
        return low == high ? low + unit : $"{low} to {high}{unit}";
    }

    private static string Said(double value) => value >= 1000 ? Numbers.Count((long)Math.Round(value)) : Numbers.Fixed(value, 1);
}
