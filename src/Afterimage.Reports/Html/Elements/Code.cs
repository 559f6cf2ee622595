using System.Text.Json;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Code and JSON.</summary>
internal static class Code
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Element Block(string code) => Tag("pre", ("tabindex", "0"), Tag("code", code));

    /// <summary>JSON with indentation; other text is shown unchanged.</summary>
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
