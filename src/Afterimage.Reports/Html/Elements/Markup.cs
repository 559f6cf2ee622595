using System.Collections.Frozen;
using System.Text;
using System.Xml;

namespace Afterimage.Reports.Html;

/// <summary>A part of a page. Text and attribute values are escaped when the page is written.</summary>
internal abstract record Part
{
    public static implicit operator Part(string text) => new Text(text);

    /// <summary>An attribute; absent when its value is null.</summary>
    public static implicit operator Part?((string Name, string? Value) attribute) =>
        attribute.Value is null ? null : new Attribute(attribute.Name, attribute.Value);
}

internal sealed record Text(string Value) : Part;

internal sealed record Attribute(string Name, string Value) : Part;

/// <summary>The style sheet of the page, which is written unescaped.</summary>
internal sealed record StyleSheet(string Css) : Part;

internal sealed record Element(string Name, IReadOnlyList<Part?> Parts) : Part;

internal static class Markup
{
    private static readonly FrozenSet<string> Void = FrozenSet.ToFrozenSet(["meta", "img", "br", "col"]);

    private static readonly FrozenSet<string> Inline = FrozenSet.ToFrozenSet(
        ["a", "abbr", "b", "code", "dd", "dt", "em", "i", "small", "span", "strong", "summary", "text", "td", "th", "title", "tspan"]);

    public static Element Tag(string name, params IReadOnlyList<Part?> parts) => new(name, parts);

    /// <summary>HTML that is also well-formed XML.</summary>
    public static string Write(Element root)
    {
        var html = new StringBuilder("<!DOCTYPE html>\n");
        Write(html, root);
        return html.ToString();
    }

    private static void Write(StringBuilder html, Element element)
    {
        html.Append('<').Append(element.Name);
        foreach (var attribute in element.Parts.OfType<Attribute>())
        {
            html.Append(' ').Append(attribute.Name).Append("=\"");
            Escape(html, attribute.Value);
            html.Append('"');
        }
        if (Void.Contains(element.Name))
        {
            html.Append(" />\n");
            return;
        }
        html.Append('>');
        foreach (var part in element.Parts)
            switch (part)
            {
                case Element child:
                    Write(html, child);
                    break;
                case Text text:
                    Escape(html, text.Value);
                    break;
                case StyleSheet sheet:
                    html.Append(sheet.Css);
                    break;
            }
        html.Append("</").Append(element.Name).Append('>');
        if (!Inline.Contains(element.Name))
            html.Append('\n');
    }

    /// <summary>Characters that XML does not know, such as NUL, become the replacement character.</summary>
    private static void Escape(StringBuilder html, string text)
    {
        foreach (var rune in text.EnumerateRunes())
            _ = rune.Value switch
            {
                '&' => html.Append("&amp;"),
                '<' => html.Append("&lt;"),
                '>' => html.Append("&gt;"),
                '"' => html.Append("&quot;"),
                < 0x10000 when !XmlConvert.IsXmlChar((char)rune.Value) => html.Append('\uFFFD'),
                _ => html.Append(rune.ToString()),
            };
    }
}
