using System.Collections.Immutable;
using System.Globalization;
using System.Xml.Linq;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class HtmlExporterTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private IEnumerable<AuditReport> Every =>
        [_folder.Samples.Single(), _folder.Samples.Batch(), _folder.Samples.Sweep(), _folder.Samples.WithoutTruth(), Empty];

    private AuditReport Empty => _folder.Samples.Single() with
    {
        Cases =
        [
            _folder.Samples.Single().Cases[0] with
            {
                Images = [], Curves = [], Outcome = "Crashed", Metrics = ImmutableSortedDictionary<string, Spread>.Empty,
            },
        ],
    };

    /// <summary>Parsing as XML is the test that every element is closed and every text escaped.</summary>
    private XElement Page(AuditReport report) => XDocument.Parse(HtmlExporter.Write(report, _folder.Path)).Root!;

    [Fact]
    public void The_page_is_whole_by_itself()
    {
        foreach (var report in Every)
        {
            var page = Page(report);
            Assert.Empty(page.Descendants("script"));
            Assert.Empty(page.Descendants("link"));
            Assert.Empty(page.Descendants("iframe"));
            Assert.All(page.DescendantsAndSelf().Attributes("src"), source => Assert.StartsWith("data:image/png;base64,", source.Value));
            Assert.DoesNotContain(page.DescendantsAndSelf().Attributes(), attribute =>
                attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
            Assert.All(page.Descendants().Attributes("href"), link =>
                Assert.True(link.Value.StartsWith('#')
                || link.Parent!.Parent!.Attribute("id")!.Value.StartsWith("cite-", StringComparison.Ordinal)));
            var style = Assert.Single(page.Descendants("style")).Value;
            Assert.DoesNotContain("url(", style);
            Assert.DoesNotContain("@import", style);
            Assert.Contains("default-src 'none'", page.Descendants("meta").Select(meta => (string?)meta.Attribute("content"))
                .First(content => content?.Contains("src") == true));
        }
    }

    [Fact]
    public void A_screen_reader_finds_its_way()
    {
        foreach (var report in Every)
        {
            var page = Page(report);
            Assert.Equal("en", (string?)page.Attribute("lang"));
            Assert.Single(page.Descendants("main"));
            Assert.Single(page.Descendants("h1"));
            Assert.All(page.Descendants("img"), image => Assert.False(string.IsNullOrWhiteSpace((string?)image.Attribute("alt"))));
            Assert.All(page.Descendants("th"), head => Assert.NotNull(head.Attribute("scope")));
            Assert.All(page.Descendants("figure"), figure => Assert.Single(figure.Elements("figcaption")));
            Assert.All(page.Descendants("svg"), drawing =>
                Assert.True(drawing.Attribute("aria-hidden") is not null || drawing.Attribute("aria-label") is not null));
            Assert.All(page.Descendants("table"), table => Assert.Single(table.Elements("thead").Elements("tr").Elements("th")
                .Zip(table.Elements("tbody").Elements("tr").Select(row => row.Elements().Count()).Distinct(), (_, cells) => cells)));
            var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToArray();
            Assert.Equal(ids.Distinct(), ids);
            Assert.All(page.Descendants().Attributes("aria-labelledby"), label => Assert.Contains(label.Value, ids));
            Assert.All(page.Descendants("a").Attributes("href").Where(link => link.Value[0] == '#'), link =>
                Assert.Contains(link.Value[1..], ids));
        }
    }

    [Theory]
    [InlineData(LeakLevel.Exact, "Exact")]
    [InlineData(LeakLevel.Recognizable, "Recognizable")]
    [InlineData(LeakLevel.Traces, "Traces")]
    [InlineData(LeakLevel.Nothing, "Nothing")]
    [InlineData(LeakLevel.Inconclusive, "Inconclusive")]
    [InlineData(LeakLevel.Unjudged, "Not judged")]
    public void The_verdict_comes_first_as_word_icon_and_sentence(LeakLevel level, string word)
    {
        var page = Page(_folder.Samples.Single() with { Verdict = new(level, "This is the sentence.") });
        var verdict = page.Element("body")!.Elements("header").Single().Descendants("section").Single();
        Assert.Equal("Verdict", (string?)verdict.Attribute("aria-label"));
        Assert.Equal([word, "This is the sentence."], verdict.Descendants("p").Select(text => text.Value));
        Assert.NotEmpty(verdict.Descendants("rect"));
        var current = page.Descendants("li").Where(step => step.Attribute("aria-current") is not null).Select(step => step.Value);
        Assert.Equal(level is LeakLevel.Inconclusive or LeakLevel.Unjudged ? [] : [word], current);
    }

    [Fact]
    public void Each_image_shows_truth_reconstruction_and_the_numbers_of_this_pair()
    {
        var report = _folder.Samples.Batch();
        var cards = Page(report).Descendants("figure").Where(figure => (string?)figure.Attribute("class") == "card").ToArray();
        Assert.Equal(report.Cases[0].Images.Length, cards.Length);
        Assert.All(cards.Zip(report.Cases[0].Images), pair =>
        {
            var (card, image) = pair;
            var pictures = card.Descendants("img").ToArray();
            Assert.Equal(["192", "192"], pictures.Select(picture => (string)picture.Attribute("width")!));
            Assert.Equal([image.Truth!.File, image.Reconstruction.File], pictures.Select(FileOf));
            var psnr = image.Metrics["psnr"].ToString("F1", System.Globalization.CultureInfo.InvariantCulture) + "\u00A0dB";
            Assert.Contains("PSNR " + psnr, (string?)pictures[1].Attribute("alt"));
            Assert.Contains(psnr, card.Element("figcaption")!.Value);
            Assert.Contains(image.TrueLabel!, card.Element("figcaption")!.Value);
        });
        Assert.Contains("taken for frog", cards[3].Value);
        Assert.Contains("recovered", cards[0].Value);
    }

    [Fact]
    public void The_baselines_stand_beside_the_metrics_and_are_explained()
    {
        var text = Page(_folder.Samples.Batch()).Descendants("section").First(section => section.Element("h3")?.Value == "Metrics");
        Assert.Equal(["Metric", "Median", "Best of 100 public images", "Mean public image", "Minimum", "Mean", "Maximum",
            "Standard deviation"],
            text.Descendants("thead").Descendants("th").Select(head => head.Value));
        Assert.Contains("A PSNR means nothing by itself", text.Value);
    }

    [Theory]
    [InlineData(20, "gave away what lies beyond that: 5.6")]
    [InlineData(9, "stays below that")]
    public void The_distance_to_the_baseline_is_a_sentence(double psnr, string sentence)
    {
        var report = _folder.Samples.Batch();
        var found = report.Cases[0];
        var page = Page(report with { Cases = [found with { Metrics = found.Metrics.SetItem("psnr", Spread.Of([psnr])) }] });
        Assert.Contains(sentence, page.Value);
    }

    [Fact]
    public void A_case_points_to_what_it_rests_on()
    {
        var report = _folder.Samples.Single();
        var page = Page(report with { Cases = [report.Cases[0] with { Cites = ["geiping2020", "private note"] }] });
        var sources = page.Descendants("p").Single(text => (string?)text.Attribute("class") == "note sources");
        Assert.Equal("Rests on [2], private note.", sources.Value);
        Assert.Equal("#cite-2", (string?)sources.Element("a")!.Attribute("href"));
    }

    [Fact]
    public void The_objective_has_a_curve_and_a_legend_entry_for_each_restart()
    {
        var plot = Page(_folder.Samples.Single()).Descendants("div").Single(div => (string?)div.Attribute("class") == "plot");
        Assert.Equal(3, plot.Element("svg")!.Elements("polyline").Count());
        Assert.Equal(["restart 1, lowest", "restart 2", "restart 3"], plot.Element("ul")!.Elements("li")
            .Select(entry => entry.Value.Trim()));
        Assert.Contains("10⁻⁴", plot.Descendants("text").Select(tick => tick.Value));
        Assert.Equal(3, plot.Element("svg")!.Elements("polyline").Select(line => line.Attribute("class")!.Value.Split(' ')[2]).Distinct()
            .Count());
    }

    [Fact]
    public void Values_that_cannot_be_drawn_leave_a_gap_and_a_sentence()
    {
        var report = _folder.Samples.Single();
        var curve = new Curve("restart 1", [new(1, 3), new(2, double.NaN), new(3, 0), new(4, 1), new(5, double.PositiveInfinity)]);
        report = report with { Cases = [report.Cases[0] with { Curves = [curve] }] };
        var figure = Page(report).Descendants("figure").Single(figure => (string?)figure.Attribute("class") == "plot-figure");
        Assert.Equal(2, figure.Descendants("polyline").Single().Attribute("points")!.Value.Split(' ').Length);
        Assert.Contains("3 points that are not finite or not positive", figure.Element("figcaption")!.Value);
    }

    [Fact]
    public void A_long_curve_is_thinned_without_losing_its_spikes()
    {
        var report = _folder.Samples.Single();
        var points = Enumerable.Range(1, 20_000).Select(at => new CurvePoint(at, at == 7_777 ? 1e6 : 1)).ToImmutableArray();
        var page = Page(report with { Cases = [report.Cases[0] with { Curves = [new("restart 1", points)] }] });
        var drawn = page.Descendants("polyline").Single().Attribute("points")!.Value.Split(' ');
        Assert.InRange(drawn.Length, 200, 700);
        Assert.Contains(drawn, point => point.EndsWith(",34", StringComparison.Ordinal));
    }

    [Fact]
    public void A_sweep_starts_with_a_table_that_links_to_its_cases_and_a_plot()
    {
        var report = _folder.Samples.Sweep();
        var page = Page(report);
        var overview = page.Descendants("section").Single(section => (string?)section.Attribute("class") == "overview");
        Assert.Equal(Enumerable.Range(1, 12).Select(index => $"#case-{index}"), overview.Descendants("a")
            .Select(link => link.Attribute("href")!.Value));
        Assert.Equal(["Case", "Verdict", "First image, true and back", "kind", "standardDeviation"], overview.Descendants("th").Take(5)
            .Select(head => head.Value));
        var plot = page.Descendants("div").First(div => (string?)div.Attribute("class") == "plot");
        Assert.Equal(3, plot.Element("svg")!.Elements("polyline").Count());
        Assert.Equal(2, plot.Element("svg")!.Elements("polygon").Count());
        Assert.Equal(12, page.Descendants("article").Count());
    }

    [Fact]
    public void A_sweep_shows_every_image_in_the_order_of_its_axis_with_its_psnr()
    {
        var report = _folder.Samples.Sweep();
        var table = Page(report).Descendants("figure").SelectMany(figure => figure.Descendants("table")).Single();
        Assert.Equal(["Image", "True", "standardDeviation 0", "standardDeviation 0.0001"], table.Descendants("th").Take(4).Select(Plain));
        var rows = table.Element("tbody")!.Elements("tr").ToArray();
        Assert.Equal(4, rows.Length);
        var first = report.Cases.Take(6).Select(found => found.Images[0]).ToArray();
        Assert.Equal(["true", .. Enumerable.Repeat("reconstructed", 6)],
            rows[0].Descendants("img").Select(picture => ((string)picture.Attribute("alt")!).Split(", ")[1].TrimEnd('.')));
        Assert.All(rows[0].Elements("td").Skip(1).Zip(first), pair => Assert.Contains(
            pair.Second.Metrics["psnr"].ToString("F1", CultureInfo.InvariantCulture), pair.First.Value, StringComparison.Ordinal));

        static string Plain(XElement head) => head.Value.Replace("10⁻⁴", "0.0001", StringComparison.Ordinal);
    }

    [Fact]
    public void Cases_that_differ_only_by_seed_share_a_point()
    {
        var report = _folder.Samples.Sweep();
        var axes = ImmutableSortedDictionary<string, string>.Empty;
        report = report with
        {
            Cases = [.. report.Cases.Take(4).Select((found, at) =>
                found with { Axes = axes.Add("/batch", $"{at / 2}").Add("/seed", $"{at}") })],
        };
        var plot = Page(report).Descendants("div").First(div => (string?)div.Attribute("class") == "plot");
        Assert.Equal(2, plot.Element("svg")!.Elements("polyline").First().Attribute("points")!.Value.Split(' ').Length);
        Assert.Equal("batch", plot.Descendants("text").Last(text => (string?)text.Attribute("class") == "axis-title").Value);
    }

    [Fact]
    public void Without_truth_the_page_says_that_nobody_judged()
    {
        var page = Page(_folder.Samples.WithoutTruth());
        Assert.Contains("Nobody judged this result", page.Value);
        Assert.DoesNotContain("PSNR", page.Element("body")!.Value);
        Assert.DoesNotContain(page.Descendants("img"), image => ((string)image.Attribute("alt")!).Contains(", true"));
    }

    [Theory]
    [InlineData("</title><script>alert(1)</script>")]
    [InlineData("\" onload=\"alert(1)\" x=\"")]
    [InlineData("]]> & <!-- ' --> \u0000 \u000B \uFFFF \uD800 x")]
    public void Hostile_text_stays_text(string hostile)
    {
        var report = _folder.Samples.Batch();
        var found = report.Cases[0];
        var page = Page(report with
        {
            Title = hostile,
            Command = hostile,
            Experiment = hostile,
            Verdict = new(LeakLevel.Exact, hostile),
            Machine = new(hostile, hostile, 1, hostile, hostile, hostile),
            Citations = [new(hostile, hostile, hostile), new("x", "script", "javascript:alert(1)"), new("y", "file", "file:///etc/passwd")],
            Cases =
            [
                found with
                {
                    Name = hostile, Equation = hostile, Outcome = hostile, Advice = hostile, Configuration = hostile,
                    Axes = ImmutableSortedDictionary<string, string>.Empty.Add(hostile, hostile),
                    Assumptions = [new(hostile, hostile, true)],
                    Findings = [new(Severity.Leak, hostile)],
                    Curves = [new(hostile, [new(1, 2), new(2, 1)])],
                    Images = [found.Images[0] with { TrueLabel = hostile, RecoveredLabel = hostile }],
                },
                found,
            ],
        });
        Assert.Empty(page.Descendants("script"));
        Assert.DoesNotContain(page.Descendants().Attributes(), attribute => attribute.Name == "onload");
        Assert.DoesNotContain(page.Descendants().Attributes("href"), link => link.Value[0] != '#');
        var shown = new string([.. hostile.Select(letter => System.Xml.XmlConvert.IsXmlChar(letter) ? letter : '\uFFFD')]);
        Assert.Equal(shown, page.Descendants("h1").Single().Value);
    }

    [Theory]
    [InlineData("../secret.png")]
    [InlineData("/etc/hostname")]
    [InlineData("missing.png")]
    [InlineData("text.png")]
    public void A_picture_must_be_a_png_of_the_folder(string file)
    {
        File.WriteAllText(_folder.File("text.png"), "no picture");
        var report = _folder.Samples.Single();
        var found = report.Cases[0];
        var fault = Assert.Throws<ReportException>(() => HtmlExporter.Write(
            report with { Cases = [found with { Images = [found.Images[0] with { Reconstruction = new(file, 32, 32) }] }] }, _folder.Path));
        Assert.Contains(Path.GetFileName(file), fault.Message);
    }

    [Fact]
    public void The_same_report_gives_the_same_file()
    {
        var report = _folder.Samples.Batch();
        var first = File.ReadAllText(HtmlExporter.Export(report, _folder.Path));
        Assert.Equal(first, HtmlExporter.Write(report, _folder.Path));
    }

    private string FileOf(XElement image)
    {
        var bytes = Convert.FromBase64String(image.Attribute("src")!.Value["data:image/png;base64,".Length..]);
        return Directory.EnumerateFiles(_folder.Path, "*.png").Where(file => File.ReadAllBytes(file).AsSpan().SequenceEqual(bytes))
            .Select(file => Path.GetFileName(file)!).Single(name => name.Contains("true") || name.Contains("back"));
    }
}
