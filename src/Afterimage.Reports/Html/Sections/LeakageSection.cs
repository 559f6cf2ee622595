using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The leakage analysis of an audited case, beside the PSNR that its attack reached.</summary>
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
                Figure("Forecast", LeakageText.Decibels(point.Images, " dB"), $"knowing images ({leakage.Prior}), to first order"),
                Figure("Directions", LeakageText.Directions(point.Directions), $"of {Numbers.Count(spectrum.Unknowns)} survive the noise"),
                spectrum.Rank is { } rank ? Figure("Rank", Numbers.Count(rank), $"of {Numbers.Count(spectrum.Unknowns)} unknowns") : null,
                Figure("Bound", Numbers.Fixed(point.VanTrees, 1) + " dB", "van Trees: what no attacker passes on average over images"),
                Figure("Noise", Numbers.Short(leakage.Noise),
                    leakage.AtTruth ? "of each layer, as found in the update" : "of each layer, assumed")),
            LeakagePlots.Forecast(leakage.Prior, spectrum, Reached(found, leakage)),
            Tag("div", [("class", "images pairs"), .. leakage.Images.Select(Card)]),
            Tag("p", ("class", "note"), $"{spectrum.Method} {LeakageText.Shades(leakage.Images)}"));

        Part? Card(LeakageImage image) => LeakageText.Card(
            image, leakage.AtTruth ? "True" : "Reconstructed", $"Image {image.Index}", spectrum.Exact, pictures);
    }

    private static IEnumerable<Series> Reached(CaseReport found, CaseLeakage leakage) =>
        leakage.Noise >= LeastNoise && found.Metrics.TryGetValue("mse", out var error) && error.Mean > 0
            ? [new Series("reached by this attack", [new(leakage.Noise, -10 * Math.Log10(error.Mean))]) { Markers = true, Loose = true }]
            : [];
}
