using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

internal readonly record struct PlotPoint(double X, double Y);

/// <summary>One line of a plot.</summary>
internal sealed record Series(string Name, IReadOnlyList<PlotPoint> Points)
{
    /// <summary>Lower and upper bound at each x, or empty.</summary>
    public IReadOnlyList<(double X, double Low, double High)> Band { get; init; } = [];

    /// <summary>Bars of intervals.</summary>
    public IReadOnlyList<(PlotPoint From, PlotPoint To)> Whiskers { get; init; } = [];

    /// <summary>Whether the line is bold.</summary>
    public bool Strong { get; init; }

    /// <summary>Whether the line is a baseline, gray and dotted.</summary>
    public bool Reference { get; init; }

    public bool Markers { get; init; }

    /// <summary>Whether the bounds are drawn as a bar at each x and not as one band.</summary>
    public bool Bars { get; init; }

    /// <summary>Whether points are not joined by a line.</summary>
    public bool Loose { get; init; }
}

/// <summary>A line plot as inline SVG. Its colors come from the style sheet; lines also differ by their dashes.</summary>
internal sealed record Plot(string Title, string Description, string XTitle, string YTitle, Scale X, Scale Y, IReadOnlyList<Series> Series)
{
    private const double Width = 640, Height = 340, Left = 84, Right = 20, Top = 34, Bottom = 62;

    /// <summary>A plot with its caption.</summary>
    public static Element Captioned(Plot plot, string caption) =>
        Tag("figure", ("class", "plot-figure"), plot.Draw(), Tag("figcaption", caption));

    public Element Draw() => Tag("div", ("class", "plot"),
        Tag("svg",
        [
            ("viewBox", $"0 0 {Width} {Height}"), ("role", "img"), ("aria-label", $"{Title}. {Description}"),
            .. Y.Ticks.SelectMany(YTick), .. X.Ticks.SelectMany(XTick),
            Tag("line", ("class", "axis"), ("x1", N(Left)), ("x2", N(Width - Right)), ("y1", N(Height - Bottom)),
                ("y2", N(Height - Bottom))),
            Tag("text", ("class", "axis-title"), ("x", N(Left)), ("y", "14"), YTitle),
            Tag("text", ("class", "axis-title"), ("x", N(Width - Right)), ("y", N(Height - 10)), ("text-anchor", "end"), XTitle),
            .. Series.Index().Where(pair => pair.Item.Band.Count > 1 && !pair.Item.Bars).Select(pair => DrawBand(pair.Item, pair.Index)),
            .. Series.Index().Where(pair => pair.Item.Bars).SelectMany(pair => pair.Item.Band.Select(at => DrawBar(at, pair.Index))),
            .. Series.Index().OrderBy(pair => pair.Item.Strong).SelectMany(pair => DrawLine(pair.Item, pair.Index)),
        ]),
        Legend());

    private Element Legend() => Tag("ul",
    [
        ("class", "legend"),
        .. Series.Select((series, index) => Tag("li",
            Tag("svg", ("viewBox", "0 0 36 12"), ("aria-hidden", "true"), ("focusable", "false"),
                series.Loose ? null : Tag("line", ("class", LineClass(series, index)), ("x1", "0"), ("x2", "36"), ("y1", "6"), ("y2", "6")),
                series.Markers ? Marker(18, 6, index) : null),
            Tag("span", series.Name))),
    ]);

    private IEnumerable<Part?> YTick(Tick tick)
    {
        yield return Tag("line", ("class", "grid"), ("x1", N(Left)), ("x2", N(Width - Right)), ("y1", N(YAt(tick.Value))),
            ("y2", N(YAt(tick.Value))));
        yield return Tag("text", ("x", N(Left - 10)), ("y", N(YAt(tick.Value))), ("dy", "0.35em"), ("text-anchor", "end"), tick.Label);
    }

    private IEnumerable<Part?> XTick(Tick tick)
    {
        yield return Tag("line", ("class", "axis"), ("x1", N(XAt(tick.Value))), ("x2", N(XAt(tick.Value))),
            ("y1", N(Height - Bottom)), ("y2", N(Height - Bottom + 5)));
        yield return Tag("text", ("x", N(XAt(tick.Value))), ("y", N(Height - Bottom + 9)), ("dy", "0.9em"), ("text-anchor", "middle"),
            tick.Label);
    }

    private IEnumerable<Part?> DrawLine(Series series, int index)
    {
        if (series.Points.Count == 0)
            yield break;
        if (!series.Loose)
            yield return Tag("polyline", ("class", LineClass(series, index)),
                ("points", string.Join(' ', series.Points.Select(point => $"{N(XAt(point.X))},{N(YAt(point.Y))}"))));
        foreach (var (from, to) in series.Whiskers)
            yield return Tag("line", ("class", $"curve {Color(index)}"), ("x1", N(XAt(from.X))), ("x2", N(XAt(to.X))),
                ("y1", N(YAt(from.Y))), ("y2", N(YAt(to.Y))));
        if (series.Markers)
            foreach (var point in series.Points)
                yield return Marker(XAt(point.X), YAt(point.Y), index);
    }

    private Element DrawBand(Series series, int index) => Tag("polygon", ("class", $"band {Color(index)}"),
        ("points", string.Join(' ', series.Band.Select(at => $"{N(XAt(at.X))},{N(YAt(at.Low))}")
            .Concat(series.Band.Reverse().Select(at => $"{N(XAt(at.X))},{N(YAt(at.High))}")))));

    private Element DrawBar((double X, double Low, double High) at, int index) => Tag("line", ("class", $"curve {Color(index)}"),
        ("x1", N(XAt(at.X))), ("x2", N(XAt(at.X))), ("y1", N(YAt(at.Low))), ("y2", N(YAt(at.High))));

    private static Element Marker(double x, double y, int index) => (index % 3) switch
    {
        0 => Tag("circle", ("class", $"marker {Color(index)}"), ("cx", N(x)), ("cy", N(y)), ("r", "4.5")),
        1 => Tag("rect", ("class", $"marker {Color(index)}"), ("x", N(x - 4)), ("y", N(y - 4)), ("width", "8"), ("height", "8")),
        _ => Tag("polygon", ("class", $"marker {Color(index)}"),
            ("points", $"{N(x)},{N(y - 6)} {N(x + 5.5)},{N(y + 4.5)} {N(x - 5.5)},{N(y + 4.5)}")),
    };

    private static string LineClass(Series series, int index) =>
        series.Reference ? "curve reference" : $"curve {Color(index)} dash{index % 4}{(series.Strong ? " strong" : "")}";

    private static string Color(int index) => $"color{index % 6}";

    private double XAt(double value) => Left + X.At(value) * (Width - Left - Right);

    private double YAt(double value) => Height - Bottom - Y.At(value) * (Height - Top - Bottom);

    private static string N(double value) => Numbers.Coordinate(value);
}
