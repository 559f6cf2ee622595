using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Afterimage.Attacks;

namespace Afterimage;

/// <summary>The JSON schema of a catalog's records, with the summaries of their documentation and the short forms of parts.</summary>
internal sealed class CatalogSchema(Catalog catalog)
{
    private readonly CatalogDocumentation documentation = new();

    public JsonNode Of(Type type)
    {
        var schema = catalog.Json.GetJsonSchemaAsNode(type,
            new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform });
        if (schema is JsonObject top && top["properties"] is JsonObject members)
            members.Insert(0, "$schema", new JsonObject { ["type"] = "string", ["description"] = "Where editors find this schema." });
        return schema;
    }

    private JsonNode Transform(JsonSchemaExporterContext context, JsonNode node)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        var schema = node as JsonObject ?? Opaque(type);
        // A second place of the same type refers to the first one, and may have a description of its own beside the reference.
        if (catalog.IsRoot(type) && schema["anyOf"] is JsonArray kinds)
            AddShortForms(kinds, type);
        var described = context.PropertyInfo?.AttributeProvider as MemberInfo ?? (context.PropertyInfo is null ? type : null);
        if (described is not null && documentation.Sentence(described) is { } summary)
            schema.Insert(0, "description", summary);
        return schema;
    }

    /// <summary>The schema of a type that is written by a converter of its own.</summary>
    private static JsonObject Opaque(Type type)
    {
        if (type == typeof(ImageShape))
            return new() { ["type"] = "string", ["pattern"] = "^[0-9]+[xX][0-9]+[xX][0-9]+$" };
        if (!type.IsGenericType || type.GetGenericTypeDefinition() != typeof(ValueList<>))
            return [];
        var list = new JsonObject { ["type"] = "array" };
        var item = type.GetGenericArguments()[0];
        if ((item == typeof(int) || item == typeof(long) ? "integer" : item == typeof(double) ? "number"
            : item == typeof(string) ? "string" : null) is { } name)
            list["items"] = new JsonObject { ["type"] = name };
        return list;
    }

    private void AddShortForms(JsonArray kinds, Type root)
    {
        var names = catalog.Parts(root).Select(Catalog.Kind);
        if (root == typeof(Attack))
        {
            names = names.Concat(catalog.Attacks.Keys).Distinct();
            kinds.Add(new JsonObject
            {
                ["type"] = "object",
                ["description"] = "A named attack, and what is to be different.",
                ["properties"] = new JsonObject { ["known"] = new JsonObject { ["enum"] = Texts(catalog.Attacks.Keys) } },
                ["required"] = Texts(["known"]),
            });
        }
        kinds.Add(new JsonObject { ["enum"] = Texts(names), ["description"] = "The name alone: its defaults." });
    }

    private static JsonArray Texts(IEnumerable<string> words) => [.. words.Select(word => (JsonNode)word)];
}
