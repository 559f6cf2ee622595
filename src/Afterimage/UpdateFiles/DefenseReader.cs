using System.Text.Json;
using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>What a client did to its update before it sent it, as the side-car says it: one step, or a list of them in order.</summary>
internal sealed class DefenseReader(UpdateDescriptionReader fields)
{
    private const string Kinds = "is \"top-k\", \"reduced-precision\", \"gaussian-noise\" or \"norm-bound\"";

    public Defense Read(JsonElement element, string field) => element.ValueKind == JsonValueKind.Array
        ? new DefenseChain { Steps = fields.Items(element, field, (step, _) => Step(step)) } : Step(element);

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public static void Write(Utf8JsonWriter json, Defense defense)
    {
        json.WritePropertyName("defense");
        if (defense is not DefenseChain chain)
        {
            WriteStep(json, defense);
            return;
        }
        json.WriteStartArray();
        foreach (var step in chain.Steps)
            WriteStep(json, step);
        json.WriteEndArray();
    }

    private static void WriteStep(Utf8JsonWriter json, Defense defense)
    {
        json.WriteStartObject();
        switch (defense)
        {
            case TopK sparse:
                json.WriteString("kind", "top-k");
                json.WriteNumber("share", sparse.Share);
                break;
            case ReducedPrecision reduced:
                json.WriteString("kind", "reduced-precision");
                json.WriteString("format", reduced.Format.ToString().ToLowerInvariant());
                break;
            case GaussianNoise noise:
                json.WriteString("kind", "gaussian-noise");
                json.WriteNumber("relative", noise.Relative);
                json.WriteNumber("absolute", noise.Absolute);
                break;
            case NormBound { Bound: { } bound }:
                json.WriteString("kind", "norm-bound");
                json.WriteNumber("bound", bound);
                break;
            default:
                throw new AfterimageException(
                    $"A side-car's defense {Kinds}, not {defense.GetType().Name}: give it in the experiment.");
        }
        json.WriteEndObject();
    }

    private Defense Step(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw fields.Fault("defense", "should be an object such as {\"kind\": \"top-k\", \"share\": 0.01}, or a list of them");
        var kind = fields.Text(fields.Required(element, "kind"), "defense.kind");
        switch (kind)
        {
            case "top-k":
                fields.Fields(element, "defense", "kind", "share");
                return new TopK
                {
                    Share = fields.Positive(fields.Required(element, "share"), "share") is <= 1 and var share ? share
                        : throw fields.Fault("share", "should be above 0 and at most 1"),
                };
            case "reduced-precision":
                fields.Fields(element, "defense", "kind", "format");
                return new ReducedPrecision
                {
                    Format = fields.Text(fields.Required(element, "format"), "format") switch
                    {
                        "float16" => NumberFormat.Float16,
                        "bfloat16" => NumberFormat.BFloat16,
                        _ => throw fields.Fault("format", "is \"float16\" or \"bfloat16\""),
                    },
                };
            case "gaussian-noise":
                fields.Fields(element, "defense", "kind", "relative", "absolute");
                return new GaussianNoise { Relative = Strength(element, "relative"), Absolute = Strength(element, "absolute") };
            case "norm-bound":
                fields.Fields(element, "defense", "kind", "bound");
                return new NormBound { Bound = fields.Positive(fields.Required(element, "bound"), "bound") };
            default:
                throw fields.Fault("defense.kind", Kinds);
        }
    }

    private double Strength(JsonElement element, string field) => !element.TryGetProperty(field, out var value) ? 0
        : fields.Number(value, field) is >= 0 and <= 1e9 and var strength ? strength
        : throw fields.Fault(field, "should be from 0 to 1e9");
}
