using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Afterimage.Attacks;

namespace Afterimage;

/// <summary>
/// Replaces the short forms that a catalog allows in JSON ("lenet" for {"kind": "lenet"}, the names of attacks) by full objects,
/// and collects names that the catalog does not have.
/// </summary>
internal sealed class CatalogSpelling
{
    /// <summary>The property that names a part's type.</summary>
    public const string KindProperty = "kind";

    private const string KnownProperty = "known";
    private readonly List<string> faults = [];
    private readonly CatalogScalars scalars;
    private readonly Catalog catalog;

    public CatalogSpelling(Catalog catalog)
    {
        this.catalog = catalog;
        scalars = new(faults);
    }

    /// <summary>One sentence for every unknown name, with its JSON pointer.</summary>
    public IReadOnlyList<string> Faults => faults;

    /// <summary>The full form of a value.</summary>
    /// <param name="node">The value as written.</param>
    /// <param name="type">Its type.</param>
    /// <param name="path">Its JSON pointer.</param>
    public JsonNode Spell(JsonNode node, Type type, string path)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>))
            return SpellList(node, type.GetGenericArguments()[0], path);
        if (catalog.IsRoot(type))
            return SpellPart(node, type, path);
        if (!IsRecord(type))
            return scalars.Spell(node, type, path);
        if (node is JsonObject members)
            return SpellMembers(members, type, path, isPart: false);
        faults.Add($"{path} should be an object.");
        return node;
    }

    private JsonNode SpellList(JsonNode node, Type element, string path)
    {
        if (node is JsonArray array)
            return new JsonArray([.. array.Select((item, i) => item is null ? Missing(element, $"{path}/{i}")
                : Spell(item.DeepClone(), element, $"{path}/{i}"))]);
        faults.Add($"{path} should be a list.");
        return node;
    }

    /// <summary>Null in a list, which only lists of JSON values may have.</summary>
    private JsonNode? Missing(Type element, string path)
    {
        if (element != typeof(JsonNode))
            faults.Add($"{path} is null, which means nothing there.");
        return null;
    }

    private static bool IsRecord(Type type) =>
        type.Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true && !type.IsEnum && !type.IsValueType;

    private JsonNode SpellPart(JsonNode node, Type root, string path)
    {
        if (Text(node) is { } name)
        {
            var isAttack = root == typeof(Attack) && catalog.FindAttack(name) is not null;
            node = new JsonObject { [isAttack ? KnownProperty : KindProperty] = name };
        }
        if (node is not JsonObject members)
        {
            faults.Add($"{path} must be the name of a {root.Name} or an object with a \"{KindProperty}\".");
            return node;
        }
        if (root == typeof(Attack) && members.ContainsKey(KnownProperty))
        {
            var known = Text(members[KnownProperty]);
            if (known is null || catalog.FindAttack(known) is not { } attack)
            {
                Unknown($"{path}/{KnownProperty}", "attack", known, catalog.Attacks.Keys);
                return node;
            }
            members = Overlay(JsonSerializer.SerializeToNode(attack, catalog.Json)!.AsObject(), members);
        }
        var kind = Text(members[KindProperty]);
        if (kind is null || catalog.Find(root, kind) is not { } part)
        {
            Unknown($"{path}/{KindProperty}", root.Name, kind, catalog.Parts(root).Select(Catalog.Kind));
            return node;
        }
        var spelled = SpellMembers(members, part, path, isPart: true);
        spelled.Remove(KindProperty);
        spelled.Insert(0, KindProperty, Catalog.Kind(part));
        return spelled;
    }

    private void Unknown(string path, string what, string? name, IEnumerable<string> names)
    {
        var article = "aeiou".Contains(char.ToLowerInvariant(what[0]), StringComparison.Ordinal) ? "an" : "a";
        var fault = name is null ? $"must be the name of {article} {what}" : $"there is no {what} \"{name}\"";
        faults.Add($"{path}: {fault}; there are {string.Join(", ", names)}.");
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static JsonObject Overlay(JsonObject attack, JsonObject changes)
    {
        foreach (var (name, value) in changes.Where(change => change.Key != KnownProperty))
            attack[name] = value is JsonObject change && attack[name] is JsonObject current && IsSameKind(change, current)
                ? Overlay(current.DeepClone().AsObject(), change)
                : value?.DeepClone();
        return attack;
    }

    /// <summary>Whether a change adds to a part; otherwise it replaces the part.</summary>
    private static bool IsSameKind(JsonObject change, JsonObject current) =>
        change[KindProperty] is null || JsonNode.DeepEquals(change[KindProperty], current[KindProperty]);

    private JsonObject SpellMembers(JsonObject members, Type type, string path, bool isPart)
    {
        var properties = catalog.Json.GetTypeInfo(type).Properties;
        var spelled = new JsonObject();
        foreach (var (name, value) in members)
        {
            var property = properties.FirstOrDefault(candidate => candidate.Name == name);
            if (property is null && !(isPart && name == KindProperty))
                faults.Add($"{path}/{name}: {Catalog.Kind(type)} has no such property; " +
                    $"it has {string.Join(", ", properties.Select(candidate => candidate.Name))}.");
            if (property is not null && value is null && !MayBeNull(property))
                faults.Add($"{path}/{name} is null, which means nothing there: leave it out for the usual value.");
            spelled[name] = value is null || property is null ? value?.DeepClone()
                : Spell(value.DeepClone(), property.PropertyType, $"{path}/{name}");
        }
        foreach (var property in properties.Where(IsRequired).Where(property => !members.ContainsKey(property.Name)))
            faults.Add($"{(path.Length == 0 ? Catalog.Kind(type) : path)} needs \"{property.Name}\".");
        return spelled;
    }

    private static bool MayBeNull(JsonPropertyInfo property) =>
        property.PropertyType.IsValueType ? Nullable.GetUnderlyingType(property.PropertyType) is not null
        : property.AssociatedParameter is { } parameter ? parameter.IsNullable : property.IsSetNullable;

    private static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired || property.AssociatedParameter is { HasDefaultValue: false, IsMemberInitializer: false };
}
