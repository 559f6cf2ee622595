using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Afterimage;

/// <summary>Writes the records of a catalog as JSON and reads them back.</summary>
internal static class CatalogJson
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false,
    };

    public static JsonSerializerOptions Options(Catalog catalog)
    {
        var resolver = new DefaultJsonTypeInfoResolver();
        resolver.Modifiers.Add(info =>
        {
            if (!catalog.IsRoot(info.Type))
                return;
            info.PolymorphismOptions = new()
            {
                TypeDiscriminatorPropertyName = CatalogSpelling.KindProperty,
                UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization,
            };
            foreach (var part in catalog.Parts(info.Type))
                info.PolymorphismOptions.DerivedTypes.Add(new(part, Catalog.Kind(part)));
        });
        resolver.Modifiers.Add(info =>
        {
            // Computed properties are not part of a configuration.
            var parameters = info.Type.GetConstructors().SelectMany(constructor => constructor.GetParameters())
                .Select(parameter => parameter.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
            for (var i = info.Properties.Count - 1; i >= 0; i--)
                if (info.Properties[i].Set is null && !parameters.Contains(info.Properties[i].Name))
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
            Converters =
            {
                new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false),
                new ValueListConverter(), new ShapeConverter(),
            },
        };
    }

    public static T Read<T>(Catalog catalog, string text, string origin) where T : notnull
    {
        try
        {
            var node = JsonNode.Parse(text, documentOptions: Lenient)
                ?? throw new AfterimageException($"{origin} is empty: write a JSON object.");
            // Editors find the schema by this member; it says nothing of the experiment.
            (node as JsonObject)?.Remove("$schema");
            var spelling = new CatalogSpelling(catalog);
            node = spelling.Spell(node, typeof(T), "");
            if (spelling.Faults.Count > 0)
                throw Settings.Wrong(origin, spelling.Faults);
            var value = node.Deserialize<T>(catalog.Json) ?? throw new AfterimageException($"{origin} is null: write a JSON object.");
            return Settings.Faults(value).ToArray() is { Length: > 0 } faults ? throw Settings.Wrong(origin, faults) : value;
        }
        catch (JsonException error)
        {
            var place = error.Path is { Length: > 1 } path ? $" at {path[1..].TrimStart('.')}"
                : error.LineNumber is { } line ? $" in line {line + 1}" : "";
            throw new AfterimageException($"{origin} cannot be read{place}: {JsonFault.Words(error)}.", error);
        }
    }

    private sealed class ShapeConverter : JsonConverter<ImageShape>
    {
        public override ImageShape Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        {
            try
            {
                return ImageShape.Parse(reader.GetString() ?? "");
            }
            catch (AfterimageException fault)
            {
                // The reader adds the file and the place.
                throw new JsonException(fault.Message, fault);
            }
        }

        public override void Write(Utf8JsonWriter writer, ImageShape value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
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
                    // The inner error's path begins at the list; one without a path gets that of the list from the outer reader.
                    throw new JsonException($"item {error.Path?.TrimStart('$')}: {JsonFault.Words(error)}", error);
                }
            }

            public override void Write(Utf8JsonWriter writer, ValueList<T> value, JsonSerializerOptions options) =>
                JsonSerializer.Serialize(writer, value.ToArray(), options);
        }
    }
}
