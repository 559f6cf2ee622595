using Afterimage.Reports.Html.Elements;
using Afterimage.Reports.Html.Plots;
using static Afterimage.Reports.Html.Elements.Markup;

namespace Afterimage.Reports.Html;

/// <summary>What the update of one audited case tells at best, beside what its attack reached.</summary>
internal static class LeakageSection
{
    private const double LeastNoise = 1e-8;

    public static Element? Draw(CaseReport found, Pictures pictures)
    {
        if (found.Leakage is not { } leakage)
            return null;
        var (spectrum, point) = (leakage.Spectrum, leakage.Forecast());
        return Tag("div",
            Tag("p", leakage.Sentence),
            Tag("dl", ("class", "key-figures"),
                Figure("Forecast", Range(point.Images, " dB"), $"knowing images ({leakage.Prior}), to first order"),
                Figure("Directions", Whole(point.Directions), $"of {Numbers.Count(spectrum.Unknowns)} survive the noise"),
                spectrum.Rank is { } rank ? Figure("Rank", Numbers.Count(rank), $"of {Numbers.Count(spectrum.Unknowns)} unknowns") : null,
                Figure("Bound", Numbers.Fixed(point.VanTrees, 1) + " dB", "van Trees: what no attacker passes on average over images"),
                Figure("Noise", Numbers.Short(leakage.Noise), leakage.AtTruth ? "of each layer, as found in the update" : "of each layer, assumed")),
            LeakagePlots.Forecast(leakage.Prior, spectrum, Reached(found, leakage)),
            Tag("div", [("class", "images pairs"), .. leakage.Images.Select(image => Image(image, leakage, pictures))]),
            Tag("p", ("class", "note"), $"{spectrum.Method} Black: as uncertain as before; white: the variance fell to a millionth."));
    }

    private static IEnumerable<Series> Reached(CaseReport found, CaseLeakage leakage) =>
        leakage.Noise >= LeastNoise && found.Metrics.TryGetValue("mse", out var error) && error.Mean > 0
            ? [new Series("reached by this attack", [new(leakage.Noise, -10 * Math.Log10(error.Mean))]) { Markers = true, Loose = true }]
            : [];

    private static Element Image(LeakageImage image, CaseLeakage leakage, Pictures pictures) => Tag("figure", ("class", "card"),
        Tag("div", ("class", "pair"),
            Tag("div", Tag("p", ("class", "role"), leakage.AtTruth ? "True" : "Reconstructed"), pictures.Show(image.Truth, $"Image {image.Index}, label {image.Label}.", 192)),
            Tag("div", Tag("p", ("class", "role"), "Determined"), pictures.Show(image.Map, $"How well each pixel of image {image.Index} is determined.", 192))),
        Tag("figcaption", Tag("p", ("class", "name"), $"Image {image.Index}"), Tag("p", $"{(leakage.Spectrum.Exact ? "Forecast" : "At least")} {Numbers.Fixed(image.Psnr, 1)} dB")));

    private static Element Figure(string title, string number, string beside) => Tag("div",
        Tag("dt", title), Tag("dd", ("class", "figure"), number), Tag("dd", ("class", "beside"), beside));

    private static string Range(Bracket bracket, string unit)
    {
        var (low, high) = (Said(bracket.Low), Said(bracket.High));
        return low == high ? low + unit : $"{low} to {high}{unit}";
    }

    private static string Whole(Bracket bracket)
    {
        var (low, high) = (Numbers.Count((long)Math.Round(bracket.Low)), Numbers.Count((long)Math.Round(bracket.High)));
        return low == high ? low : $"{low} to {high}";
    }

    private static string Said(double value) => value >= 1000 ? Numbers.Count((long)Math.Round(value)) : Numbers.Fixed(value, 1);
}
