using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Afterimage.Reports.Conclusions;

/// <summary>
/// What a result assumes of the attacker, as tags that results of different papers can be compared by. Levels A to H are those of Carletti
/// et al. (2025); an honest-but-curious server has none of F to H, which change the model or bring clients of their own.
/// </summary>
/// <param name="Level">
/// The highest level whose knowledge the attacker has: "A" the update alone, "B" what images are like, "C" the local training, "D" public
/// images of the kind, "E" BatchNorm statistics.
/// </param>
/// <param name="InferenceMode">Whether the client trains with BatchNorm and dropout as in inference.</param>
/// <param name="LabelsKnown">Whether the labels were given, which no level grants.</param>
/// <param name="StatisticsKnown">Whether BatchNorm statistics of the client's batch or round were given.</param>
/// <param name="AuxiliaryData">Whether public images, or a network trained on images, were used.</param>
/// <param name="SingleStep">Whether the update is one gradient.</param>
public sealed record ThreatTags(
    string Level, bool InferenceMode, bool LabelsKnown, bool StatisticsKnown, bool AuxiliaryData, bool SingleStep)
{
    /// <summary>What the level grants, the end of a sentence.</summary>
    [JsonIgnore]
    public string Meaning => Level switch
    {
        "A" => "the update and the model alone",
        "B" => "also what images are like",
        "C" => "also how the client trained",
        "D" => "also public images of the kind",
        "E" => "also BatchNorm statistics",
        _ => "as described",
    };

    /// <summary>The tags that hold, in a few words each.</summary>
    [JsonIgnore]
    public ImmutableArray<string> Words =>
    [
        InferenceMode ? "inference mode" : "train mode", LabelsKnown ? "labels known" : "labels recovered",
        StatisticsKnown ? "statistics known" : "no statistics", AuxiliaryData ? "auxiliary data" : "no auxiliary data",
        SingleStep ? "single step" : "several steps",
    ];
}
