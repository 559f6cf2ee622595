using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>How a level is shown: a word, a color class and an icon of 8x8 pixels.</summary>
internal sealed record Level(LeakLevel Value, string Meaning, string Pixels)
{
    /// <summary>The levels that are measurements, from the lowest to the highest.</summary>
    public static IReadOnlyList<Level> Scale { get; } =
    [
        new(LeakLevel.Nothing, "no better than public images alone",
            "+..+...+ ..+..+.. .+..+..+ +....... ..+...+. +..+..+. .+....+. ...+.+.+"),
        new(LeakLevel.Traces, "better than public images, none recognizable",
            "+..+#..+ ..+.#+.. .#.+..+. +.+#.+.+ ...++#.. +#.+.+#. .+#.++.+ +.+#.#+."),
        new(LeakLevel.Recognizable, "at least one image is recognizable",
            "+.#+##.. .#####+. .##+##+. +######. ..+###.+ .####+#. +#####+# ##+####+"),
        new(LeakLevel.Exact, "at least one image came back nearly pixel for pixel",
            "..####.. .######. .######. .######. ..####.. .######. ######## ########"),
    ];

    private static readonly Level Inconclusive = new(LeakLevel.Inconclusive,
        "the attack did not converge, so this says nothing about protection",
        "..####.. .##..##. .....##. ....##.. ...##... ...##... ........ ...##...");

    private static readonly Level Unjudged = new(LeakLevel.Unjudged, "there were no true images to compare with",
        "##.##.## #......# ........ #..##..# #..##..# ........ #......# ##.##.##");

    public static Level Of(LeakLevel value) => value switch
    {
        LeakLevel.Unjudged => Unjudged,
        LeakLevel.Inconclusive => Inconclusive,
        _ => Scale.Single(level => level.Value == value),
    };

    public string Word => Value == LeakLevel.Unjudged ? "Not judged" : Value.ToString();

    public string Class => "level-" + JsonName;

    public Element Icon => Tag("svg",
    [
        ("class", "icon"), ("viewBox", "0 0 8 8"), ("aria-hidden", "true"), ("focusable", "false"),
        .. Pixels.Split(' ').SelectMany((row, y) => row.Select((cell, x) => cell == '.' ? null : Cell(x, y, cell == '+'))),
    ]);

    public Element Badge => Tag("span", ("class", "badge " + Class), Icon, Tag("span", Word));

    private string JsonName => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(Value.ToString());

    private static Element Cell(int x, int y, bool faint) =>
        Tag("rect", ("x", Numbers.Coordinate(x + 0.04)), ("y", Numbers.Coordinate(y + 0.04)),
        ("width", "0.92"), ("height", "0.92"), ("opacity", faint ? "0.45" : null));
}
