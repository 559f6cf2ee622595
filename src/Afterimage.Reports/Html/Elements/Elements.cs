using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Elements that several sections of a page use.</summary>
internal static class Elements
{
    /// <summary>The head of a column.</summary>
    public static Element Head(string title, string? kind = null) => Tag("th", ("scope", "col"), ("class", kind), title);

    /// <summary>
    /// A table that scrolls sideways where the page is narrower. On a phone every row is a card instead, whose cells name their columns.
    /// </summary>
    public static Element Table(string label, string? kind, IReadOnlyList<Part?> head, IEnumerable<Element> rows)
    {
        string[] columns = [.. head.OfType<Element>().Select(cell => string.Concat(cell.Parts.OfType<Text>().Select(text => text.Value)))];
        return Tag("div", ("class", "scroll"), ("role", "group"), ("tabindex", "0"), ("aria-label", label),
            Tag("table", ("class", kind), Tag("thead", Tag("tr", head)), Tag("tbody", [.. rows.Select(row => Named(row, columns))])));
    }

    private static Element Named(Element row, string[] columns) => row with
    {
        Parts =
        [
            .. row.Parts.OfType<Element>().Select((cell, i) => cell.Name == "td" && i < columns.Length
                ? cell with { Parts = [.. cell.Parts, ("data-column", columns[i])] } : cell),
        ],
    };

    /// <summary>A large number with its title and what to compare it with.</summary>
    public static Element Figure(string title, string number, string beside) => Tag("div",
        Tag("dt", title), Tag("dd", ("class", "figure"), number), Tag("dd", ("class", "beside"), beside));

    /// <summary>A term and its value.</summary>
    public static Element Fact(string term, string fact) => Tag("div", Tag("dt", term), Tag("dd", fact));

    /// <summary>A picture under a short title, such as "True" or "Reconstructed".</summary>
    public static Element Titled(string? title, Element picture) =>
        Tag("div", title is null ? null : Tag("p", ("class", "role"), title), picture);

    /// <summary>A text that begins with a capital letter.</summary>
    public static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
}
