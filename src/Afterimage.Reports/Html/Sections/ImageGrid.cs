using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Each true image of the batch beside its reconstruction, with the metrics of this pair.</summary>
internal static class ImageGrid
{
    public static Element Draw(CaseReport found, Pictures pictures) => Tag("div",
    [
        ("class", found.Images switch
        {
            { Length: 1 } => "images single",
            var images when images.Any(image => image.Truth is not null) => "images pairs",
            _ => "images loners",
        }),
        .. found.Images.Select(image => Card(image, pictures)),
    ]);

    /// <summary>For example "PSNR 41.2 dB, SSIM 0.991"; empty without metrics.</summary>
    public static string Numerals(ImageReport image) => string.Join(", ", MetricText.InOrder(image.Metrics.Keys)
        .Select(name => $"{MetricText.Of(name).Title} {MetricText.Of(name).WithUnit(image.Metrics[name])}"));

    public static string TruthAlt(ImageReport image) =>
        image.TrueLabel is null ? $"Image {image.Index}, true." : $"Image {image.Index}, true, label {image.TrueLabel}.";

    public static string ReconstructionAlt(ImageReport image) =>
        $"Image {image.Index}, reconstructed, label {image.RecoveredLabel} with confidence {Numbers.Percent(image.Confidence)}" +
        (image.Metrics.IsEmpty ? "; nobody judged it." : $": {Numerals(image)}.");

    private static Element Card(ImageReport image, Pictures pictures) => Tag("figure", ("class", "card"),
        Tag("div", ("class", image.Truth is null ? "pair loner" : "pair"),
            image.Truth is null ? null : Titled("True", pictures.Show(image.Truth, TruthAlt(image), 192)),
            Titled(image.Truth is null ? null : "Reconstructed", pictures.Show(image.Reconstruction, ReconstructionAlt(image), 192))),
        Tag("figcaption",
            Tag("p", ("class", "name"), $"Image {image.Index}"),
            Tag("dl",
            [
                .. MetricText.InOrder(image.Metrics.Keys).Where(name => name is "psnr" or "ssim").Select(name => Metric(name, image)),
                Tag("div", Tag("dt", "Label"), Tag("dd", Label(image))),
            ])));

    private static Element Metric(string name, ImageReport image)
    {
        var metric = MetricText.Of(name);
        var baselines = image.Baselines.Where(pair => pair.Value.ContainsKey(name)).Select(pair => pair.Value[name]).ToArray();
        return Tag("div", Tag("dt", metric.Title), Tag("dd",
            Tag("strong", metric.WithUnit(image.Metrics[name])),
            baselines.Length == 0 ? null : Tag("span", ("class", "against"), $" baseline {metric.WithUnit(baselines.Max())}")));
    }

    private static Element Label(ImageReport image)
    {
        var sure = $"{Numbers.Percent(image.Confidence)} sure";
        return image.TrueLabel is null ? Tag("span", Tag("strong", image.RecoveredLabel), Tag("span", ("class", "against"), $" {sure}"))
            : Tag("span", Tag("strong", image.TrueLabel), Tag("span", ("class", "against"),
                image.TrueLabel == image.RecoveredLabel ? $" ✓ recovered, {sure}" : $" ✗ taken for {image.RecoveredLabel}, {sure}"));
    }
}
