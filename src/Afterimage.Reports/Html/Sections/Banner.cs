using System.Globalization;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The top of the page: what was audited and how much leaked, shown by an icon, a word, a scale and a color.</summary>
internal static class Banner
{
    public static Element Draw(AuditReport report)
    {
        var level = Level.Of(report.Verdict.Level);
        return Tag("header", ("class", "banner " + level.Class), Tag("div", ("class", "wide"),
            Tag("div", ("class", "masthead"),
                Tag("span", ("class", "wordmark"), "Afterimage"),
                Tag("span", "What a training update gives away")),
            Tag("h1", report.Title),
            Tag("section", ("class", "verdict"), ("aria-label", "Verdict"),
                level.Icon,
                Tag("div",
                    Tag("p", ("class", "word"), level.Word),
                    Tag("p", ("class", "sentence"), report.Verdict.Sentence))),
            Scale(level),
            Tag("div", ("class", "imprint"), Tag("p", $"{level.Word}: {level.Meaning}."), Tag("p",
                $"{Numbers.Count(report.Cases.Length, "case", "cases")} · started ",
                Tag("time", ("datetime", report.Started.ToString("O", CultureInfo.InvariantCulture)),
                    report.Started.ToString(
                        $"d MMMM yyyy, HH:mm 'UTC'{(report.Started.Offset == TimeSpan.Zero ? "" : "zzz")}", CultureInfo.InvariantCulture)),
                $" · Afterimage {report.Version}"))));
    }

    private static Element Scale(Level level)
    {
        var place = Level.Scale.Index().Where(step => step.Item == level).Select(step => step.Index).DefaultIfEmpty(-1).First();
        return Tag("ol",
        [
            ("class", "scale"), ("aria-label", "Scale of what came back"),
            .. Level.Scale.Select((step, index) => Tag("li", ("class", index <= place ? "reached" : null),
                ("aria-current", index == place ? "true" : null), Tag("span", step.Word))),
        ]);
    }
}
