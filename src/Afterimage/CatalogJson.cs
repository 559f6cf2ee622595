using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Afterimage.Attacks;

namespace Afterimage;

/// <summary>How the records of a catalog are written as JSON and read back.</summary>
internal static class CatalogJson
{
    private const string KindProperty = "kind", KnownProperty = "known";
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static JsonSerializerOptions Options(Catalog catalog)
    {
        var resolver = new DefaultJsonTypeInfoResolver();
        resolver.Modifiers.Add(info =>
        {
            if (!catalog.IsRoot(info.Type))
                return;
            info.PolymorphismOptions = new()
            {
                TypeDiscriminatorPropertyName = KindProperty,
                UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization,
            };
            foreach (var part in catalog.Parts(info.Type))
                info.PolymorphismOptions.DerivedTypes.Add(new(part, Catalog.Kind(part)));
        });
        resolver.Modifiers.Add(info =>
        {
            // Computed properties are no part of a configuration.
            for (var i = info.Properties.Count - 1; i >= 0; i--)
                if (info.Properties[i].Set is null && info.Type.GetConstructors().All(constructor => constructor.GetParameters().All(
                        parameter => !string.Equals(parameter.Name, info.Properties[i].Name, StringComparison.OrdinalIgnoreCase))))
                    info.Properties.RemoveAt(i);
        });
        return new()
        {
            TypeInfoResolver = resolver,
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            AllowOutOfOrderMetadataProperties = true,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            WriteIndented = true,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false), new ValueListConverter(), new ShapeConverter() },
        };
    }

    public static T Read<T>(Catalog catalog, string text, string origin) where T : notnull
    {
        try
        {
            var node = JsonNode.Parse(text, documentOptions: Lenient) ?? throw new AfterimageException($"{origin} is empty: write a JSON object.");
            var faults = new List<string>();
            node = Spell(catalog, node, typeof(T), "", faults);
            if (faults.Count > 0)
                throw new AfterimageException($"{origin}: {string.Join(" ", faults)}");
            return node.Deserialize<T>(catalog.Json) ?? throw new AfterimageException($"{origin} is null: write a JSON object.");
        }
        catch (JsonException error)
        {
            var place = error.Path is { Length: > 1 } path ? $" at {path[1..].TrimStart('.')}" : error.LineNumber is { } line ? $" in line {line + 1}" : "";
            throw new AfterimageException($"{origin} cannot be read{place}: {error.Message.Split(" Path:")[0].TrimEnd('.')}.", error);
        }
    }

    /// <summary>Spells out shorthands ("lenet" for {"kind": "lenet"}, named attacks) and collects names that mean nothing.</summary>
    private static JsonNode Spell(Catalog catalog, JsonNode node, Type type, string path, List<string> faults)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>) && node is JsonArray array)
            return new JsonArray([.. array.Select((item, i) => item is null ? null : Spell(catalog, item.DeepClone(), type.GetGenericArguments()[0], $"{path}/{i}", faults))]);
        if (catalog.IsRoot(type))
            return SpellPart(catalog, node, type, path, faults);
        return node is JsonObject members && IsRecord(type) ? SpellMembers(catalog, members, type, path, faults) : node;
    }

    private static bool IsRecord(Type type) => type.Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true && !type.IsEnum && !type.IsValueType;

    private static JsonNode SpellPart(Catalog catalog, JsonNode node, Type root, string path, List<string> faults)
    {
        if (Text(node) is { } name)
            node = root == typeof(Attack) && catalog.FindAttack(name) is not null
                ? new JsonObject { [KnownProperty] = name }
                : new JsonObject { [KindProperty] = name };
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
                faults.Add($"{path}/{KnownProperty}: {(known is null ? "must be the name of an attack" : $"there is no attack \"{known}\"")}; there are {string.Join(", ", catalog.Attacks.Keys)}.");
                return node;
            }
            members = Overlay(JsonSerializer.SerializeToNode(attack, catalog.Json)!.AsObject(), members);
        }
        var kind = Text(members[KindProperty]);
        if (kind is null || catalog.Find(root, kind) is not { } part)
        {
            faults.Add($"{path}/{KindProperty}: {(kind is null ? $"must be the name of a {root.Name}" : $"there is no {root.Name} \"{kind}\"")}; there are {string.Join(", ", catalog.Parts(root).Select(Catalog.Kind))}.");
            return node;
        }
        var spelled = SpellMembers(catalog, members, part, path, faults);
        spelled.Remove(KindProperty);
        spelled.Insert(0, KindProperty, Catalog.Kind(part));
        return spelled;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static JsonObject Overlay(JsonObject attack, JsonObject changes)
    {
        foreach (var (name, value) in changes)
        {
            if (name == KnownProperty)
                continue;
            // A part of the same kind is changed in place; another kind, or a name, takes its place.
            attack[name] = value is JsonObject change && attack[name] is JsonObject current && (change[KindProperty] is null || JsonNode.DeepEquals(change[KindProperty], current[KindProperty]))
                ? Overlay(current.DeepClone().AsObject(), change)
                : value?.DeepClone();
        }
        return attack;
    }

    private static JsonObject SpellMembers(Catalog catalog, JsonObject members, Type type, string path, List<string> faults)
    {
        var properties = catalog.Json.GetTypeInfo(type).Properties;
        var spelled = new JsonObject();
        foreach (var (name, value) in members)
        {
            var property = properties.FirstOrDefault(candidate => candidate.Name == name);
            if (property is null && name != KindProperty)
                faults.Add($"{path}/{name}: {Catalog.Kind(type)} has no such property; it has {string.Join(", ", properties.Select(candidate => candidate.Name))}.");
            spelled[name] = value is null || property is null ? value?.DeepClone() : Spell(catalog, value.DeepClone(), property.PropertyType, $"{path}/{name}", faults);
        }
        return spelled;
    }

    private sealed class ShapeConverter : JsonConverter<ImageShape>
    {
        public override ImageShape Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            ImageShape.Parse(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, ImageShape value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }

    private sealed class ValueListConverter : JsonConverterFactory
    {
        public override bool CanConvert(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>);

        public override JsonConverter CreateConverter(Type type, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(Of<>).MakeGenericType(type.GetGenericArguments()))!;

        private sealed class Of<T> : JsonConverter<ValueList<T>>
        {
            public override ValueList<T> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
            {
                try
                {
                    return (JsonSerializer.Deserialize<T[]>(ref reader, options) ?? []).ToValueList();
                }
                catch (JsonException error)
                {
                    // An error of the inner reader knows its place in the list; without a path of its own the outer reader adds the list's.
                    throw new JsonException($"item {error.Path?.TrimStart('$')}: {error.Message.Split(" Path:")[0]}", error);
                }
            }

            public override void Write(Utf8JsonWriter writer, ValueList<T> value, JsonSerializerOptions options) =>
                JsonSerializer.Serialize(writer, value.ToArray(), options);
        }
    }
}
