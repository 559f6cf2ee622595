using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Afterimage;

/// <summary>What a value of a setting must be, in words of JSON and not of .NET.</summary>
internal static class CatalogValue
{
    private const int MostShown = 60;

    public static bool IsRecord(Type type) =>
        type.Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true && !type.IsEnum && !type.IsValueType
        && !IsList(type);

    /// <summary>"a label rule" for LabelRule, "a model" for ModelSource.</summary>
    public static string InWords(Type root)
    {
        var words = string.Concat(root.Name.Select(letter =>
            char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : $"{letter}"))[1..];
        words = words.EndsWith(" source", StringComparison.Ordinal) ? words[..^" source".Length] : words;
        return $"{("aeiou".Contains(words[0], StringComparison.Ordinal) ? "an" : "a")} {words}";
    }

    /// <summary>What a type takes; null for types about which nothing can be said beforehand.</summary>
    public static string? Wanted(Type type) => type switch
    {
        { IsEnum: true } => $"one of {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.KebabCaseLower.ConvertName))}",
        _ when type == typeof(int) || type == typeof(long) => "a whole number",
        _ when type == typeof(uint) || type == typeof(ulong) => "a whole number of at least 0",
        _ when type == typeof(float) || type == typeof(double) => "a finite number",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(string) => "a text",
        _ when type == typeof(ImageShape) => "an image shape such as \"3x32x32\"",
        _ when IsList(type) => "a list",
        _ when IsRecord(type) => "an object",
        _ => null,
    };

    public static bool Fits(JsonNode node, Type type, JsonSerializerOptions options)
    {
        if (IsList(type) || IsRecord(type))
            return false;
        try
        {
            return node.Deserialize(type, options) is not (null or double.NaN or double.PositiveInfinity or double.NegativeInfinity);
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException or OverflowException
            or ArgumentException or AfterimageException)
        {
            return false;
        }
    }

    public static string Shown(JsonNode node) =>
        node.ToJsonString() is { Length: <= MostShown } text ? text : $"{node.ToJsonString()[..MostShown]}...";

    public static bool MayBeNull(JsonPropertyInfo property) => property.PropertyType.IsValueType
        ? Nullable.GetUnderlyingType(property.PropertyType) is not null
        : property.AssociatedParameter is { } parameter ? parameter.IsNullable : property.IsSetNullable;

    public static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired || property.AssociatedParameter is { HasDefaultValue: false };

    private static bool IsList(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>);
}
