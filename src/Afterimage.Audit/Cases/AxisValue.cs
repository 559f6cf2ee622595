using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Numerics;

namespace Afterimage.Audit.Cases;

/// <summary>One value of an axis, and what it is called.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="Value">The value; null where the axis takes a member away.</param>
/// <param name="Label">The axis in the names of cases.</param>
/// <param name="Text">The value in the names of cases.</param>
internal sealed record AxisValue(Axis Axis, JsonNode? Value, string Label, string Text)
{
    /// <summary>All values of an axis.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="axes">All axes of the experiment, which it must be told from.</param>
    /// <exception cref="AfterimageException">There are none.</exception>
    public static AxisValue[] All(Axis axis, ValueList<Axis> axes)
    {
        if (axis.Values.Count == 0)
            throw new AfterimageException($"The axis {axis.Pointer} has no values: list at least one.");
        var label = axes.Count(other => JsonPointer.Last(other.Pointer) == JsonPointer.Last(axis.Pointer)) == 1
            ? JsonPointer.Last(axis.Pointer) : axis.Pointer[1..];
        var parts = axis.Values.OfType<JsonObject>().GroupBy(Plain).ToDictionary(alike => alike.Key, alike => alike.ToArray());
        var differing = parts.ToDictionary(alike => alike.Key, alike => Differing(alike.Value));
        return [.. axis.Values.Select(value => new AxisValue(axis, value, label, Text(value)))];

        // What has no kind is called by what tells it from the first value of the axis.
        // A part is called by its kind, and where the axis has others of that kind by what tells it from them.
        string Text(JsonNode? value)
        {
            var name = Plain(value);
            if (value is JsonObject settings && IsNameless(settings))
            {
                var first = axis.Values.OfType<JsonObject>().First(IsNameless);
                string[] others = [.. settings.Where(pair => !JsonNode.DeepEquals(pair.Value, first[pair.Key]))
                    .Select(pair => $"{pair.Key} {Plain(pair.Value)}")];
                return others.Length > 0 ? string.Join(", ", others) : "as described";
            }
            if (value is not JsonObject part || parts[name].Length < 2)
                return name;
            var own = part.Where(pair => differing[name].Contains(pair.Key)).Select(pair => $"{pair.Key} {Plain(pair.Value)}");
            var told = string.Join(", ", parts[name].Length < axis.Values.Count ? own.Prepend(name) : own);
            return told.Length > 0 ? told : name;
        }
    }

    private static bool IsNameless(JsonObject value) => value["known"] is null && value["kind"] is null;

    /// <summary>The members in which not all parts agree.</summary>
    private static HashSet<string> Differing(JsonObject[] parts) =>
    [
        .. parts.SelectMany(part => part).Select(pair => pair.Key).Distinct()
            .Where(key => parts.Any(part => !JsonNode.DeepEquals(part[key], parts[0][key]))),
    ];

    private static string Plain(JsonNode? value) => value switch
    {
        null => "none",
        JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String => scalar.GetValue<string>(),
        JsonObject part when (part["known"] ?? part["kind"]) is { } kind => kind.GetValue<string>(),
        _ => value.ToJsonString(),
    };
}
