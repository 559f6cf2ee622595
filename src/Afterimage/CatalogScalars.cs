using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Afterimage;

/// <summary>Numbers, words, switches and shapes in JSON: read as their types ask, or one sentence says what should stand there.</summary>
internal sealed class CatalogScalars(List<string> faults)
{
    /// <summary>The value in the form in which it is read; the value itself where it is at fault or of no type that this knows.</summary>
    public JsonNode Spell(JsonNode node, Type type, string path)
    {
        if (type.IsEnum)
            return Choice(node, type, path);
        if (type == typeof(string))
            return Kind(node) == JsonValueKind.String ? node : Fault(node, path, "a text");
        if (type == typeof(bool))
            return Kind(node) is JsonValueKind.True or JsonValueKind.False ? node : Fault(node, path, "true or false");
        if (type == typeof(double))
            return Number(node) is { } number ? JsonValue.Create(number) : Fault(node, path, "a finite number");
        if (type == typeof(ImageShape))
            return Shape(node, path);
        return type == typeof(int) ? Whole(node, int.MinValue, int.MaxValue, path)
            : type == typeof(long) ? Whole(node, long.MinValue, long.MaxValue, path)
            : type == typeof(ulong) ? Whole(node, ulong.MinValue, ulong.MaxValue, path) : node;
    }

    private JsonNode Choice(JsonNode node, Type type, string path)
    {
        var names = Enum.GetNames(type).Select(JsonNamingPolicy.KebabCaseLower.ConvertName).ToArray();
        return Kind(node) == JsonValueKind.String && names.Contains(node.GetValue<string>(), StringComparer.Ordinal) ? node
            : Fault(node, path, $"one of {string.Join(", ", names)}");
    }

    private JsonNode Shape(JsonNode node, string path)
    {
        try
        {
            if (Kind(node) == JsonValueKind.String)
                ImageShape.Parse(node.GetValue<string>());
            else
                Fault(node, path, "an image shape such as \"3x32x32\"");
        }
        catch (AfterimageException fault)
        {
            faults.Add($"{path}: {fault.Message}");
        }
        return node;
    }

    private JsonNode Whole(JsonNode node, decimal lowest, decimal highest, string path)
    {
        if (Kind(node) != JsonValueKind.Number || !decimal.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var number) || number != decimal.Truncate(number))
            return Fault(node, path, "a whole number");
        return number < lowest || number > highest ? Fault(node, path, string.Create(CultureInfo.InvariantCulture,
            $"a whole number from {lowest:N0} to {highest:N0}"))
            : JsonNode.Parse(decimal.Truncate(number).ToString("0", CultureInfo.InvariantCulture))!;
    }

    private static double? Number(JsonNode node) => Kind(node) == JsonValueKind.Number
        && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
        ? number : null;

    private static JsonValueKind Kind(JsonNode node) => node.GetValueKind();

    private JsonNode Fault(JsonNode node, string path, string wanted)
    {
        faults.Add($"{path} must be {wanted}, not {CatalogValue.Shown(node)}.");
        return node;
    }
}
