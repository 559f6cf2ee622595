using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>All cases of a sweep in one table, each row a link to its case.</summary>
internal static class Overview
{
    /// <summary>Cases that are shown one by one; of a larger sweep the page shows plots, and report.csv has the rest.</summary>
    public const int MostCases = 200;

    public static Element Draw(AuditReport report, Pictures pictures)
    {
        var axes = Axes.Of(report);
        string[] metrics = [.. new[] { "psnr", "ssim" }.Where(name => report.Cases.Any(found => found.Metrics.ContainsKey(name)))];
        return Tag("section", ("class", "overview"), ("aria-labelledby", "overview-title"),
            Tag("h2", ("id", "overview-title"), "All cases"),
            report.Cases.Length <= MostCases ? null : Tag("p", ("class", "note"),
                $"The first {MostCases} of {Numbers.Count(report.Cases.Length)} cases; report.csv has all of them."),
            Tag("p", ("class", "note"), "Medians over the images of each case; the best baseline beside them needs no update at all."),
            Table("All cases", "numbers",
                [
                    Head("Case"), Head("Verdict", "words"), Head("First image, true and back", "words"),
                    .. axes.Select(axis =>
                        Tag("th", ("scope", "col"), ("class", axis.Numeric ? null : "words"), ("title", axis.Name), axis.Short)),
                    .. metrics.SelectMany(name =>
                        new[] { Head(MetricText.Of(name).TitleWithUnit, "lead"), Head("best baseline", "baseline") }),
                    Head("Outcome", "words"),
                ],
                report.Cases.Take(MostCases).Select((found, index) => Row(found, index, axes, metrics, pictures))));
    }

    private static Element Row(CaseReport found, int index, IReadOnlyList<Axis> axes, string[] metrics, Pictures pictures) => Tag("tr",
    [
        Tag("th", ("scope", "row"), Tag("a", ("href", "#" + CaseSection.Anchor(index)), found.Name)),
        Tag("td", ("class", "words"), Level.Of(found.Verdict.Level).Badge),
        Tag("td", ("class", "words thumbs"), found.Images.IsEmpty ? "–" : Thumbnails(found.Images[0], pictures)),
        .. axes.Select(axis => Tag("td", ("class", axis.Numeric ? null : "words"), found.Axes.GetValueOrDefault(axis.Name, "–"))),
        .. metrics.SelectMany(name => Cells(found, name)),
        Tag("td", ("class", "words"), found.Ending),
    ]);

    private static Element Thumbnails(ImageReport image, Pictures pictures) => Tag("span",
        image.Truth is null ? null : pictures.Show(image.Truth, ImageGrid.TruthAlt(image), 32),
        pictures.Show(image.Reconstruction, ImageGrid.ReconstructionAlt(image), 32));

    private static IEnumerable<Element> Cells(CaseReport found, string name)
    {
        var metric = MetricText.Of(name);
        string Median(Spread? spread) => spread is null ? "–" : metric.Format(spread.Median);
        yield return Tag("td", ("class", "lead"), Median(found.Metrics.GetValueOrDefault(name)));
        yield return Tag("td", ("class", "baseline"), Median(metric.Strongest(name, found)?.Spread));
    }
}
