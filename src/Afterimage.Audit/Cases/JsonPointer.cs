using System.Globalization;
using System.Text.Json.Nodes;

namespace Afterimage.Audit.Cases;

/// <summary>Places in a JSON document by pointer (RFC 6901).</summary>
public static class JsonPointer
{
    /// <summary>The last name in a pointer: "batchSize" of "/client/batchSize".</summary>
    public static string Last(string pointer) => Parts(pointer)[^1];

    /// <summary>Puts a value at a place; missing objects on the way are made.</summary>
    /// <exception cref="AfterimageException">The pointer leads through something that is no object or outside an array.</exception>
    public static void Set(JsonNode root, string pointer, JsonNode? value)
    {
        var parts = Parts(pointer);
        var node = root;
        for (var i = 0; i < parts.Length; i++)
        {
            var last = i == parts.Length - 1;
            switch (node)
            {
                case JsonObject members when last:
                    members[parts[i]] = value;
                    return;
                case JsonObject members:
                    node = members[parts[i]] ??= new JsonObject();
                    break;
                case JsonArray items when int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                    && index < items.Count:
                    if (last)
                    {
                        items[index] = value;
                        return;
                    }
                    node = items[index] ?? throw Fault(pointer, parts[i]);
                    break;
                default:
                    throw Fault(pointer, parts[i]);
            }
        }
    }

    private static AfterimageException Fault(string pointer, string part) =>
        new($"{pointer} leads nowhere: there is no \"{part}\" to set; \"explain\" prints the experiment with all its places.");

    private static string[] Parts(string pointer) => pointer.StartsWith('/') && pointer.Length > 1
        ? [.. pointer[1..].Split('/').Select(Unescaped)]
        : throw new AfterimageException($"\"{pointer}\" is no JSON pointer: write the path from the top, for example /client/batchSize.");

    private static string Unescaped(string part) =>
        part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
