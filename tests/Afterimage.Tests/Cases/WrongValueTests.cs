using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Afterimage.Audit.Cases;

namespace Afterimage.Tests.Cases;

/// <summary>Whatever stands in the place of a setting, the answer is an experiment or a sentence that names the place.</summary>
public partial class WrongValueTests
{
    private static readonly ExperimentFile Files = new(Catalog.Standard);

    private static readonly string[] Values = ["null", "\"x\"", "-1", "1.5", "1e999", "99999999999999999999", "true", "[]", "[null]", "{}"];

    [Theory]
    [InlineData("best", "lenet")]
    [InlineData("see-through-gradients", "resnet")]
    [InlineData("local-matching", "convnet")]
    [InlineData("plug-and-play", "mlp")]
    public void NoWrongValueIsAnsweredInWordsOfThePlatform(string attack, string model)
    {
        var whole = JsonNode.Parse(Files.Write(Files.Parse($$"""
            { "attack": "{{attack}}", "model": { "kind": "{{model}}", "normalization": { "mean": [0.5], "std": [0.5] } },
              "client": { "kind": "simulated-client", "training": "fed-avg", "images": [1], "defense": { "kind": "top-k" } },
              "vary": [{ "pointer": "/seed", "values": [1] }] }
            """, "test")))!;
        var places = Places(whole, "").ToArray();
        Assert.InRange(places.Length, 30, 500);
        var refused = 0;
        foreach (var place in places)
            foreach (var value in Values)
            {
                var changed = whole.DeepClone();
                JsonPointer.Set(changed, place, JsonNode.Parse(value));
                try
                {
                    Files.Expand(Files.Parse(changed.ToJsonString(), "test"));
                }
                catch (AfterimageException fault)
                {
                    refused++;
                    Assert.False(Platform().IsMatch(fault.Message), $"{place} = {value}: {fault.Message}");
                    Assert.DoesNotContain('\n', fault.Message);
                }
            }
        Assert.InRange(refused, places.Length, int.MaxValue);
    }

    private static IEnumerable<string> Places(JsonNode? node, string path) => node switch
    {
        JsonObject members => members.SelectMany(pair => Places(pair.Value, $"{path}/{pair.Key}").Prepend($"{path}/{pair.Key}")),
        JsonArray items => items.SelectMany((item, i) => Places(item, $"{path}/{i}").Prepend($"{path}/{i}")),
        _ => [],
    };

    [GeneratedRegex(@"System\.|Afterimage\.|Nullable|Int32|JsonNode|BytePosition")]
    private static partial Regex Platform();
}
