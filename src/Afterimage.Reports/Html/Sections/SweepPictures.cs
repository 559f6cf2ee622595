using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Reconstructions over the numeric axis of a sweep, with their PSNR: a row for each image, a column for each value.</summary>
internal static class SweepPictures
{
    private const int MostRows = 8;

    public static Element? Draw(AuditReport report, Axis over, double[] values, Pictures pictures)
    {
        var rows = report.Cases.GroupBy(found => string.Join(", ", found.Axes.Where(axis => axis.Key != over.Name)
                .Select(axis => $"{axis.Key[(axis.Key.LastIndexOf('/') + 1)..]} {axis.Value}")))
            .SelectMany(group => Rows(group.Key, [.. group], over, values, pictures)).ToArray();
        return rows.Length == 0 ? null : Tag("figure",
            Table($"Images over {over.Short}", "numbers",
                [
                    Head("Image", "words"), Head("True", "words"),
                    .. values.Select(value => Head($"{over.Short} {Numbers.Short(value)}", "words")),
                ],
                rows.Take(MostRows)),
            Tag("figcaption", $"Reconstructions over {over.Short}, with their PSNR" +
                (rows.Length > MostRows ? $"; {MostRows} of {rows.Length} images." : ".")));
    }

    private static IEnumerable<Element> Rows(string title, CaseReport[] cases, Axis over, double[] values, Pictures pictures)
    {
        var ordered = values.Select(value => cases.FirstOrDefault(found => Axes.Value(found, over.Name) == value)).ToArray();
        if (ordered.OfType<CaseReport>().FirstOrDefault() is not { } first)
            yield break;
        foreach (var image in first.Images.Where(image => image.Truth is not null))
            yield return Tag("tr",
            [
                Tag("th", ("scope", "row"), title.Length == 0 ? $"image {image.Index}" : $"{title}, image {image.Index}"),
                Tag("td", ("class", "words"), pictures.Show(image.Truth!, ImageGrid.TruthAlt(image), 64)),
                .. ordered.Select(found => Cell(found?.Images.FirstOrDefault(other => other.Index == image.Index), pictures)),
            ]);
    }

    private static Element Cell(ImageReport? image, Pictures pictures) => image is null ? Tag("td", ("class", "words"), "–")
        : Tag("td", ("class", "words"),
            pictures.Show(image.Reconstruction, ImageGrid.ReconstructionAlt(image), 64),
            image.Metrics.TryGetValue("psnr", out var psnr) ? Tag("div", MetricText.Of("psnr").WithUnit(psnr)) : null);
}
