using System.Text.Json;
using Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Elements.Markup;

namespace Afterimage.Reports.Html;

internal static class Code
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Element Block(string code) => Tag("pre", ("tabindex", "0"), Tag("code", code));

    /// <summary>Indented for reading; text that is no JSON is shown as it stands.</summary>
    public static Element Json(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Block(JsonSerializer.Serialize(document, Indented));
        }
        catch (JsonException)
        {
            return Block(json);
        }
    }
}
