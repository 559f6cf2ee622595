using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Reports.Recipes;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The page of one recipe: claim, command, figure, table, what was found, what differs.</summary>
internal static class RecipePage
{
    public static string Write(RecipeStory story, RecipeRun? quick, RecipeRun? full) => Page.Write(story.Title,
        Banner(story.Title, Tag("p", ("class", "sentence"), story.Claim), story.Place),
        [
            Told("What we found", story.Found),
            full is null ? null : Run(story, full, "Full run"),
            Run(story, quick, "Quick run"),
            full is null ? Run(story, full, "Full run") : null,
            Told("What differs", story.Differs),
            Told("Published", story.Published.Length == 0 ? [] : [story.Published]),
        ],
        [
            Tag("section", ("class", "block"), Tag("h2", "Run it again"), Code.Block(Command(story.Name, true)),
                Code.Block(Command(story.Name, false)),
                Tag("details",
                [
                    Tag("summary", "The experiments of the full run as JSON"),
                    .. story.Experiments.SelectMany(experiment =>
                        new[] { Tag("p", ("class", "note"), experiment.Row), Code.Json(experiment.Json) }),
                ])),
            Page.Citations(story.Citations),
            Tag("section", ("class", "block"), Tag("p", Tag("a", ("href", "index.html"), "All claims and figures"))),
        ]);

    /// <summary>The top of a page of the gallery.</summary>
    public static Element Banner(string title, Element sentence, string place) =>
        Tag("header", ("class", "banner level-unjudged"), Tag("div", ("class", "wide"),
            Tag("div", ("class", "masthead"),
                Tag("span", ("class", "wordmark"), "Afterimage"),
                Tag("span", "The atlas of gradient inversion")),
            Tag("h1", title),
            Tag("section", ("class", "verdict"), ("aria-label", "Claim"), Tag("div", sentence)),
            Tag("div", ("class", "imprint"), Tag("p", place))));

    public static string Command(string name, bool quick) => $"afterimage reproduce {name}{(quick ? " --quick" : "")}";

    private static Element? Told(string title, ImmutableArray<string> paragraphs) => paragraphs.IsEmpty ? null
        : Tag("section", ("class", "block"), Tag("h2", title),
            Tag("div", [("class", "story"), .. paragraphs.Select(text => Tag("p", text))]));

    private static Element Run(RecipeStory story, RecipeRun? run, string title) => run is null
        ? Tag("section", ("class", "block"), Tag("h2", title), Tag("p", ("class", "note"), $"{title}: not made yet."))
        : Tag("section", ("class", "block"), Tag("h2", title),
            Tag("p", ("class", "note"), Made(run)),
            story.Columns.Contains("psnr") ? RecipePictures.Draw(run) : null,
            Tag("div", ("class", "plots"), RecipePlot.Draw(run, story.Columns[0], story.Columns[0] == "psnr")),
            Rows(story, run),
            Checks(run));

    private static string Made(RecipeRun run) =>
        $"Made on {run.Finished.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)} on {run.Machine.Processor}, " +
        $"{Numbers.Count(run.Machine.Cores, "core", "cores")}, {run.Machine.Device}, by Afterimage {run.Version}" +
        $"{(run.Commit.Length == 0 ? "" : $" ({run.Commit})")}. Medians, and the range over all images and batches of a row where they " +
        "differ.";

    private static Element Rows(RecipeStory story, RecipeRun run) => Table("All rows", "numbers",
        [
            Head("Row"), Head("Images"), .. story.Columns.Select(column => Head(RecipeFigure.Of(column).TitleWithUnit)), Head("Ended"),
        ],
        run.Rows.Select((row, index) => Tag("tr",
        [
            Tag("th", ("scope", "row"), $"{index + 1}  {(row.Name.Length == 0 ? "the batch" : row.Name)}"),
            Tag("td", Numbers.Count(row.Images)),
            .. story.Columns.Select(column => RecipeFigure.Of(column).Cell(row.Figures.GetValueOrDefault(column))),
            Tag("td", row.Endings),
        ])));

    private static Element? Checks(RecipeRun run) => run.Checks.IsEmpty ? null
        : Tag("div", Tag("p", ("class", "note"), "A quick run must land in these intervals:"),
            Tag("ul", [("class", "findings"), .. run.Checks.Select(check => Tag("li", ("class", check.Holds ? "plain" : "leak"),
                Tag("span", ("class", "severity"), check.Holds ? "holds" : "fails"), Tag("span", Sentence(check))))]));

    /// <summary>For example "l2: median PSNR 52.3 dB, from 40 to 100".</summary>
    public static string Sentence(RecipeCheck check)
    {
        var (name, statistic) = check.Figure.Split('.') is [var first, var second] ? (first, second) : (check.Figure, "");
        var figure = RecipeFigure.Of(name);
        return $"{(check.Row.Length == 0 ? "the batch" : check.Row)}: {statistic} {figure.Title} " +
            $"{(check.Value is { } value ? figure.WithUnit(value) : "was not measured")}; the interval is {figure.Format(check.Low)} to " +
            $"{figure.Format(check.High)}.";
    }
}
