using System.Text.Json;
using System.Text.Json.Nodes;
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
        if (!CatalogValue.IsRecord(type))
            return scalars.Spell(node, type, path);
        if (node is JsonObject members)
            return SpellMembers(members, type, path, isPart: false);
        faults.Add($"{path} must be an object, not {CatalogValue.Shown(node)}.");
        return node;
    }

    private JsonNode SpellList(JsonNode node, Type element, string path)
    {
        if (node is JsonArray array)
            return new JsonArray([.. array.Select((item, i) => item is null ? Missing(element, $"{path}/{i}")
                : Spell(item.DeepClone(), element, $"{path}/{i}"))]);
        faults.Add($"{path} must be a list, not {CatalogValue.Shown(node)}.");
        return node;
    }

    /// <summary>Null in a list, which only lists of JSON values may have.</summary>
    private JsonNode? Missing(Type element, string path)
    {
        if (element != typeof(JsonNode))
            faults.Add($"{path} must not be null.");
        return null;
    }

    private JsonNode SpellPart(JsonNode node, Type root, string path)
    {
        var kinds = catalog.Parts(root).Select(Catalog.Kind);
        if (Text(node) is { } name)
        {
            var isAttack = root == typeof(Attack) && catalog.FindAttack(name) is not null;
            node = new JsonObject { [isAttack ? KnownProperty : KindProperty] = name };
            if (root == typeof(Attack))
                kinds = kinds.Concat(catalog.Attacks.Keys).Distinct().Order(StringComparer.Ordinal);
        }
        if (node is not JsonObject members)
        {
            faults.Add($"{path} must be the name of {CatalogValue.InWords(root)} or an object with a \"{KindProperty}\".");
            return node;
        }
        if (root == typeof(Attack) && members.ContainsKey(KnownProperty))
        {
            var known = Text(members[KnownProperty]);
            if (known is null || catalog.FindAttack(known) is not { } attack)
            {
                Unknown($"{path}/{KnownProperty}", root, known, catalog.Attacks.Keys.Order(StringComparer.Ordinal));
                return node;
            }
            members = Overlay(JsonSerializer.SerializeToNode(attack, catalog.Json)!.AsObject(), members);
        }
        var kind = Text(members[KindProperty]);
        if (kind is null || catalog.Find(root, kind) is not { } part)
        {
            Unknown($"{path}/{KindProperty}", root, kind, kinds);
            return node;
        }
        var spelled = SpellMembers(members, part, path, isPart: true);
        spelled.Remove(KindProperty);
        spelled.Insert(0, KindProperty, Catalog.Kind(part));
        return spelled;
    }

    private void Unknown(string path, Type root, string? name, IEnumerable<string> names)
    {
        var what = CatalogValue.InWords(root);
        var fault = name is null ? $"must be the name of {what}" : $"there is no {what[(what.IndexOf(' ') + 1)..]} \"{name}\"";
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
            if (property is not null && value is null && !CatalogValue.MayBeNull(property))
                faults.Add($"{path}/{name} must not be null: leave it out for its default.");
            spelled[name] = value is null || property is null ? value?.DeepClone()
                : Spell(value.DeepClone(), property.PropertyType, $"{path}/{name}");
        }
        foreach (var missing in properties.Where(property => CatalogValue.IsRequired(property) && !members.ContainsKey(property.Name)))
            faults.Add($"{path}/{missing.Name} is missing: {Catalog.Kind(type)} needs it.");
        return spelled;
    }
}
