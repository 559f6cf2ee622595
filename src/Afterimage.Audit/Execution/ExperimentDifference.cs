using System.Text.Json.Nodes;

namespace Afterimage.Audit.Execution;

/// <summary>Where two experiments differ, in words.</summary>
internal static class ExperimentDifference
{
    private const int MostNamed = 3, MostShown = 40;

    /// <param name="before">Canonical JSON of the experiment that a folder holds.</param>
    /// <param name="now">Canonical JSON of the one at hand.</param>
    /// <returns>For example "/seed is 0 there and 1 here".</returns>
    public static string Between(string before, string now)
    {
        var all = Places(JsonNode.Parse(before), JsonNode.Parse(now), "").ToArray();
        var named = string.Join(", ", all.Take(MostNamed));
        return all.Length > MostNamed ? $"{named}, and {all.Length - MostNamed} more" : named;
    }

    private static IEnumerable<string> Places(JsonNode? before, JsonNode? now, string path) => (before, now) switch
    {
        _ when JsonNode.DeepEquals(before, now) => [],
        (JsonObject old, JsonObject fresh) when JsonNode.DeepEquals(old["kind"], fresh["kind"]) =>
            old.Select(pair => pair.Key).Union(fresh.Select(pair => pair.Key))
                .SelectMany(name => Places(old[name], fresh[name], $"{path}/{name}")),
        (JsonArray old, JsonArray fresh) when old.Count == fresh.Count =>
            old.Zip(fresh).Index().SelectMany(item => Places(item.Item.First, item.Item.Second, $"{path}/{item.Index}")),
        _ => [$"{path} is {Shown(before)} there and {Shown(now)} here"],
    };

    private static string Shown(JsonNode? value) => value switch
    {
        null => "absent",
        JsonObject part when part["kind"] is { } kind => kind.ToJsonString(),
        _ => value.ToJsonString() is { Length: <= MostShown } text ? text : $"{value.ToJsonString()[..MostShown]}...",
    };
}
