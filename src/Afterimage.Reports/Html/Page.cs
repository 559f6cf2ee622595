using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The whole page. Its content security policy forbids scripts and everything outside the file.</summary>
internal static class Page
{
    private static readonly string Css = ReadStyle();

    /// <summary>What a content security policy calls the style sheet.</summary>
    public static string StyleHash { get; } =
        "sha256-" + Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Css)));

    public static string Write(AuditReport report, Pictures pictures)
    {
        var several = report.Cases.Length > 1;
        return Write($"{Level.Of(report.Verdict.Level).Word}: {report.Title}",
            Banner.Draw(report),
            [
                several ? GroundsSection.Draw(report) : null,
                FrontierSection.Draw(report),
                several ? Overview.Draw(report, pictures) : null,
                SuccessPlots.Draw(report),
                PairTable.Draw(report),
                several ? SweepPlot.Draw(report, pictures) : null,
                several ? SmallMultiples.Draw(report) : null,
                ComparisonPlot.Draw(report),
                .. report.Cases.Take(Overview.MostCases).Select((_, index) => CaseSection.Draw(report, index, pictures)),
            ],
            [Doubts(report), RunAgain(report.Command, report.Experiment), Machine(report.Machine), Citations(report.Citations)]);
    }

    /// <summary>A page in the style of all reports.</summary>
    public static string Write(string title, Element banner, IReadOnlyList<Part?> results, IReadOnlyList<Part?> ending) =>
        Markup.Write(Tag("html", ("lang", "en"),
            Tag("head",
                Tag("meta", ("charset", "utf-8")),
                Tag("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1")),
                Tag("meta", ("http-equiv", "Content-Security-Policy"),
                    ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")),
                Tag("meta", ("name", "color-scheme"), ("content", "light dark")),
                Tag("title", title),
                Tag("style", new StyleSheet(Css))),
            Tag("body",
                Tag("a", ("class", "skip"), ("href", "#results"), "Skip to the results"),
                banner,
                Tag("main", [("id", "results"), ("class", "wide"), .. results]),
                Tag("footer", [("class", "wide"), .. ending]))));

    private static Element? Doubts(AuditReport report) => report.Findings.IsEmpty ? null : Tag("section", ("class", "block"),
        Tag("h2", "Before you quote these figures"),
        CaseSection.Findings(report.Findings));

    public static Element RunAgain(string command, string experiment) => Tag("section", ("class", "block"),
        Tag("h2", "Run it again"),
        Code.Block(command),
        Tag("details", Tag("summary", "The experiment as JSON"), Code.Json(experiment)));

    private static Element Machine(Machine machine) => Tag("section", ("class", "block"),
        Tag("h2", "Machine"),
        Tag("dl", ("class", "facts"),
            Fact("System", machine.System), Fact("Processor", machine.Processor), Fact("Cores", Numbers.Count(machine.Cores)),
            Fact("Runtime", machine.Runtime), Fact("libtorch", machine.Torch), Fact("Device", machine.Device)));

    public static Element? Citations(IReadOnlyList<Citation> citations) => citations.Count == 0 ? null : Tag("section", ("class", "block"),
        Tag("h2", "What this rests on"),
        Tag("ol",
        [
            ("class", "citations"),
            .. citations.Select((citation, index) => Tag("li", ("id", CaseSection.CiteAnchor(index)), Cite(citation))),
        ]));

    /// <summary>Only web addresses become links, since a report may come from an untrusted source.</summary>
    private static Part Cite(Citation citation) =>
        Uri.TryCreate(citation.Url, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
            ? Tag("a", ("href", url.AbsoluteUri), ("rel", "noreferrer"), citation.Text)
            : citation.Text;

    private static string ReadStyle()
    {
        using var style = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream("Style.css")!);
        return style.ReadToEnd();
    }
}
