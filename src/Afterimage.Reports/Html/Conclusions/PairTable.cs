using Afterimage.Reports.Conclusions;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Values of an axis compared on the same images.</summary>
internal static class PairTable
{
    public static Element? Draw(AuditReport report) => report.Pairs.IsEmpty ? null : Tag("section", ("class", "block"),
        Tag("h2", "Compared on the same images"),
        Tag("p", ("class", "note"), "Differences in dB of PSNR image by image; p is the probability of such differences by chance " +
            "(Wilcoxon's signed-rank test and the sign test, exact, after Holm's correction over each axis)."),
        Table("Paired comparisons", "numbers",
            [
                Head("From", "words"), Head("To", "words"), Head("Images"), Head("Median", "lead"), Head("Quartiles"),
                Head("p, signed rank"), Head("p, sign"),
            ],
            report.Pairs.Select(Row)));

    private static Element Row(PairedComparison pair) => Tag("tr",
        Tag("th", ("scope", "row"), ("class", "words"), $"{pair.Axis} {pair.Left}"),
        Tag("td", ("class", "words"), pair.Right),
        Tag("td", Numbers.Count(pair.Images)),
        Tag("td", ("class", "lead"), Signed(pair.Median)),
        Tag("td", $"{Signed(pair.Low)} to {Signed(pair.High)}"),
        Tag("td", Numbers.Short(pair.SignedRank)),
        Tag("td", Numbers.Short(pair.Sign)));

    private static string Signed(double value) => $"{(value > 0 ? "+" : "")}{Numbers.Fixed(value, 1)}";
}
