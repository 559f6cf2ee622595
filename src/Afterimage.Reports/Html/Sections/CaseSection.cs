using System.Collections.Immutable;
using System.Globalization;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The section of one case, from its images to its configuration.</summary>
internal static class CaseSection
{
    public static string Anchor(int index) => "case-" + (index + 1).ToString(CultureInfo.InvariantCulture);

    public static string CiteAnchor(int index) => "cite-" + (index + 1).ToString(CultureInfo.InvariantCulture);

    public static Element Draw(AuditReport report, int index, Pictures pictures)
    {
        var found = report.Cases[index];
        var anchor = Anchor(index);
        var several = report.Cases.Length > 1;
        return Tag("article", ("class", "case " + Level.Of(found.Verdict.Level).Class), ("id", anchor),
            ("aria-labelledby", anchor + "-name"),
            Tag("header", ("class", "case-head"),
                several ? Tag("p", ("class", "count"), $"Case {index + 1} of {report.Cases.Length}") : null,
                Tag("h2", ("id", anchor + "-name"), found.Name),
                several
                    ? Tag("p", ("class", "case-verdict"), Level.Of(found.Verdict.Level).Badge, Tag("span", found.Verdict.Sentence))
                    : null,
                Tag("p", ("class", "equation"), found.Equation)),
            found.Images.Length == 1
                ? Tag("div", ("class", "side-by-side"), Images(found, pictures), KeyFigures.Draw(found))
                : Tag("div", KeyFigures.Draw(found), Images(found, pictures)),
            Block("What the verdict rests on", GroundsSection.Draw(found)),
            Block("Over rounds", RoundsSection.Draw(found)),
            Block("The way there", PathStrips.Draw(found, pictures)),
            Block("Objective", ObjectivePlot.Draw(found)),
            Block("Metrics", found.Metrics.IsEmpty ? NobodyJudged(found) : MetricTable.Draw(found)),
            Block("Labels", LabelTable.Draw(found.Labels)),
            Block("What the update tells at best", LeakageSection.Draw(found, pictures)),
            Block("What the attacker knew", Assumptions(found)),
            Tag("div", ("class", "columns"),
                Block("How it ended", Tag("div", Tag("p", ("class", "outcome"), found.Ending), Tag("p", found.Advice))),
                Block("What it cost", Cost(found))),
            Block("Findings", Findings(found.Findings)),
            Sources(report, found),
            Tag("details", Tag("summary", "Configuration of this case"),
                Tag("p", ("class", "note"), "Case ", Tag("code", found.Id)), Code.Json(found.Configuration)));
    }

    private static Element? Block(string title, Element? content) => content is null
        ? null
        : Tag("section", ("class", "block"), Tag("h3", title), content);

    private static Element Images(CaseReport found, Pictures pictures) => found.Images.IsEmpty
        ? Tag("p", ("class", "note"), "No image came back.")
        : Tag("section", ("class", "block"),
            Tag("h3", found.Images.Any(image => image.Truth is not null) ? "True and reconstructed" : "Reconstructed"),
            ImageGrid.Draw(found, pictures));

    private static Element NobodyJudged(CaseReport found) => Tag("p", ("class", "note"),
        found.Images.IsEmpty
            ? "There is nothing to judge."
            : "Nobody judged this result: the report has no true images to compare with. The misfit says how well the reconstruction " +
                "explains the update, not how close it is to the truth; different images can explain the same update.");

    private static Element? Assumptions(CaseReport found) => found.Assumptions.IsEmpty ? null
        : Table($"Assumptions of {found.Name}", null, [Head("About"), Head("Known"), Head("From where")],
            found.Assumptions.Select(Assumption));

    private static Element Assumption(Assumption known) => Tag("tr",
        Tag("th", ("scope", "row"), known.Topic),
        Tag("td", known.Knowledge),
        Tag("td", Tag("span", ("class", known.Given ? "source given" : "source"), known.Given ? "● given" : "○ inferred")));

    private static Element Cost(CaseReport found) => Tag("dl", ("class", "facts"),
        Fact("Evaluations", Numbers.Count(found.Cost.Evaluations)),
        Fact("Iterations", Numbers.Count(found.Cost.Iterations)),
        Fact("Operator", found.Operator ?? "not evaluated"),
        Fact("Restarts", Numbers.Count(found.Cost.Restarts)),
        Fact("Wall time", Numbers.Seconds(found.Cost.Seconds)),
        Fact("CPU time", Numbers.Seconds(found.Cost.CpuSeconds)),
        Fact("Seed", found.Seed.ToString(CultureInfo.InvariantCulture)));

    public static Element? Findings(ImmutableArray<Finding> findings) => findings.IsEmpty ? null : Tag("ul",
    [
        ("class", "findings"),
        .. findings.OrderByDescending(finding => finding.Severity).Select(finding => Tag("li",
            ("class", finding.Severity switch { Severity.Leak => "leak", Severity.Warning => "warning", _ => "plain" }),
            Tag("span", ("class", "severity"),
                finding.Severity switch { Severity.Leak => "■ Leak", Severity.Warning => "▲ Warning", _ => "○ Note" }),
            Tag("span", finding.Text))),
    ]);

    private static Element? Sources(AuditReport report, CaseReport found) => found.Cites.IsEmpty ? null : Tag("p",
    [
        ("class", "note sources"), "Rests on ",
        .. found.Cites.SelectMany((key, index) => new Part?[] { index == 0 ? null : new Text(", "), Source(report, key) }), ".",
    ]);

    private static Part Source(AuditReport report, string key) =>
        report.Citations.Index().Where(pair => pair.Item.Key == key).Select(pair => (int?)pair.Index).FirstOrDefault() is { } index
            ? Tag("a", ("href", "#" + CiteAnchor(index)), ("title", report.Citations[index].Text), $"[{index + 1}]")
            : key;
}
