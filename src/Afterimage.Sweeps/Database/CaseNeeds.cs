using System.Text.Json.Nodes;

namespace Afterimage.Sweeps.Database;

/// <summary>What a case needs of the machine that runs it.</summary>
/// <param name="Device">cpu or cuda.</param>
/// <param name="Memory">Mebibytes.</param>
/// <param name="Data">Public data sets by name, in order.</param>
public sealed record CaseNeeds(string Device, long Memory, ValueList<string> Data)
{
    /// <summary>The queue of all cases with these needs: workers that meet them read it, and no others.</summary>
    public string Queue => string.Join('_', Data.Prepend($"{Memory}m").Prepend(Device));

    /// <summary>The needs of a case, from its canonical JSON.</summary>
    public static CaseNeeds Of(string json, string device, long memory) =>
        new(device, memory, Sets(JsonNode.Parse(json)).Distinct().Order(StringComparer.Ordinal).ToValueList());

    /// <summary>Public data sets that are named without a folder.</summary>
    private static IEnumerable<string> Sets(JsonNode? node) => node switch
    {
        JsonObject part => part.SelectMany(pair => Sets(pair.Value)).Concat(part["folder"] is null && part["file"] is null
            ? part["kind"]?.ToString() switch
            {
                "cifar10" => ["cifar10"],
                "flowers17" => ["flowers17"],
                "idx-images" => [part["set"]?.ToString() ?? "mnist"],
                _ => [],
            }
            : []),
        JsonArray items => items.SelectMany(Sets),
        _ => [],
    };
}
