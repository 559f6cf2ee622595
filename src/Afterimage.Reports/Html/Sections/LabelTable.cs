using System.Globalization;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The recovered number of images of each class, and the evidence.</summary>
internal static class LabelTable
{
    public static Element? Draw(LabelReport? labels) => labels is null ? null : Tag("div",
        Tag("p", ("class", "note"), $"{Numbers.Count(labels.BatchSize, "image", "images")}" +
            (labels.BatchSizeConfidence is { } sure ? $", estimated with a confidence of {Percent(sure)}" : "") +
            $"; by the rule {labels.Rule}."),
        labels.Classes.IsEmpty ? null : Table("Counts of classes", "numbers", Heads(labels), labels.Classes.Select(Row)),
        labels.Reasons.IsEmpty ? null : Tag("p", ("class", "note"), string.Join(" ", labels.Reasons)));

    private static Element?[] Heads(LabelReport labels) =>
    [
        Head("Class"), Head("Images"), Head("Confidence"),
        labels.Classes.Any(known => known.TrueCount is not null) ? Head("In truth") : null,
    ];

    private static Element Row(LabelCount known) => Tag("tr",
        Tag("th", ("scope", "row"), known.Name),
        Tag("td", ("class", "lead"), Numbers.Count(known.Count)),
        Tag("td", Percent(known.Confidence)),
        known.TrueCount is { } truth ? Tag("td", Numbers.Count(truth)) : null);

    private static string Percent(double share) => share.ToString("0 %", CultureInfo.InvariantCulture);
}
