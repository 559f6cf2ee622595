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

    public static string Shown(JsonNode node) =>
        node.ToJsonString() is { Length: <= MostShown } text ? text : $"{node.ToJsonString()[..MostShown]}...";

    public static bool MayBeNull(JsonPropertyInfo property) => property.PropertyType.IsValueType
        ? Nullable.GetUnderlyingType(property.PropertyType) is not null
        : property.AssociatedParameter is { } parameter ? parameter.IsNullable : property.IsSetNullable;

    public static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired || property.AssociatedParameter is { HasDefaultValue: false, IsMemberInitializer: false };

    private static bool IsList(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>);
}
