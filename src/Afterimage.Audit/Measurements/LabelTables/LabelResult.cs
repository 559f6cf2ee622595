using System.Text.Json;
using System.Text.Json.Serialization;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>What every rule made of one update.</summary>
/// <param name="Epochs">0 for a gradient.</param>
/// <param name="Accuracy">By rule: the share of labels that are right, as a multiset; null where the rule refused.</param>
/// <param name="Confidence">By rule: for each class, the confidence in its count.</param>
/// <param name="Right">By rule: for each class, whether its count is right.</param>
public sealed record LabelResult(string Model, int Seed, int Batch, string Mix, int Epochs, SortedDictionary<string, double?> Accuracy,
    SortedDictionary<string, double[]> Confidence, SortedDictionary<string, bool[]> Right)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>What tells one cell of the table from the others.</summary>
    [JsonIgnore]
    public (string, int, int, string, int) Key => (Model, Seed, Batch, Mix, Epochs);

    /// <summary>The result as one line of JSON.</summary>
    public string ToLine() => JsonSerializer.Serialize(this, Options);

    /// <summary>Null for a line that was cut off.</summary>
    public static LabelResult? OfLine(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<LabelResult>(line, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
