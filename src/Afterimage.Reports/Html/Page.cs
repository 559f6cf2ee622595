using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The whole page. Its policy forbids scripts and everything that is not inside the file.</summary>
internal static class Page
{
    private static readonly string Css = ReadStyle();

    public static string Write(AuditReport report, Pictures pictures)
    {
        var several = report.Cases.Length > 1;
        return Markup.Write(Tag("html", ("lang", "en"),
            Tag("head",
                Tag("meta", ("charset", "utf-8")),
                Tag("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1")),
                Tag("meta", ("http-equiv", "Content-Security-Policy"),
                    ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")),
                Tag("meta", ("name", "color-scheme"), ("content", "light dark")),
                Tag("title", $"{Level.Of(report.Verdict.Level).Word}: {report.Title}"),
                Tag("style", new StyleSheet(Css))),
            Tag("body",
                Tag("a", ("class", "skip"), ("href", "#results"), "Skip to the results"),
                Banner.Draw(report),
                Tag("main",
                [
                    ("id", "results"), ("class", "wide"),
                    several ? Overview.Draw(report, pictures) : null,
                    several ? SweepPlot.Draw(report) : null,
                    .. report.Cases.Select((_, index) => CaseSection.Draw(report, index, pictures)),
                ]),
                Tag("footer", ("class", "wide"), Doubts(report), RunAgain(report), Machine(report.Machine), Citations(report)))));
    }

    private static Element? Doubts(AuditReport report) => report.Findings.IsEmpty ? null : Tag("section", ("class", "block"),
        Tag("h2", "Before you quote these figures"),
        CaseSection.Findings(report.Findings));

    private static Element RunAgain(AuditReport report) => Tag("section", ("class", "block"),
        Tag("h2", "Run it again"),
        Code.Block(report.Command),
        Tag("details", Tag("summary", "The experiment as JSON"), Code.Json(report.Experiment)));

    private static Element Machine(Machine machine) => Tag("section", ("class", "block"),
        Tag("h2", "Machine"),
        Tag("dl", ("class", "facts"),
            Fact("System", machine.System), Fact("Processor", machine.Processor), Fact("Cores", Numbers.Count(machine.Cores)),
            Fact("Runtime", machine.Runtime), Fact("libtorch", machine.Torch), Fact("Device", machine.Device)));

    private static Element? Citations(AuditReport report) => report.Citations.IsEmpty ? null : Tag("section", ("class", "block"),
        Tag("h2", "What this rests on"),
        Tag("ol",
        [
            ("class", "citations"),
            .. report.Citations.Select((citation, index) => Tag("li", ("id", CaseSection.CiteAnchor(index)), Cite(citation))),
        ]));

    /// <summary>Only web addresses become links: a report may come from someone else.</summary>
    private static Part Cite(Citation citation) =>
        Uri.TryCreate(citation.Url, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
            ? Tag("a", ("href", url.AbsoluteUri), ("rel", "noreferrer"), citation.Text)
            : citation.Text;

    private static Element Fact(string term, string fact) => Tag("div", Tag("dt", term), Tag("dd", fact));

    private static string ReadStyle()
    {
        using var style = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream("Style.css")!);
        return style.ReadToEnd();
    }
}
