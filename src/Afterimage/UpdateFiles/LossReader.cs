using System.Text.Json;
using Afterimage.Models;

namespace Afterimage.UpdateFiles;

/// <summary>A loss as the side-car of an update file says it: its kind, or an object where its settings are not the usual ones.</summary>
internal sealed class LossReader(UpdateDescriptionReader fields)
{
    private const string Kinds = "is \"cross-entropy\", \"binary-cross-entropy\" or \"mean-squared\"";

    public Loss Read(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
            return Of(fields.Text(element, "loss"));
        fields.Fields(element, "loss", "kind", "reduction", "smoothing");
        var loss = Of(fields.Text(fields.Required(element, "kind"), "loss.kind")) with
        {
            Reduction = !element.TryGetProperty("reduction", out var reduction) || fields.Text(reduction, "reduction") is "mean" ? Reduction.Mean
                : fields.Text(reduction, "reduction") is "sum" ? Reduction.Sum
                : throw fields.Fault("reduction", "is \"mean\" or \"sum\""),
        };
        if (!element.TryGetProperty("smoothing", out var smoothing))
            return loss;
        return loss is CrossEntropy entropy && fields.Number(smoothing, "smoothing") is >= 0 and < 1 and var share
            ? entropy with { Smoothing = share }
            : throw fields.Fault("smoothing", "belongs to cross-entropy and should be at least 0 and below 1");
    }

    /// <summary>Writes what <see cref="Read"/> reads; nothing for the mean cross-entropy.</summary>
    public static void Write(Utf8JsonWriter json, Loss loss)
    {
        if (loss == new CrossEntropy())
            return;
        var kind = loss switch
        {
            CrossEntropy => "cross-entropy",
            BinaryCrossEntropy => "binary-cross-entropy",
            MeanSquared => "mean-squared",
            _ => throw new AfterimageException(
                $"A side-car's loss {Kinds}, not {loss.GetType().Name}: give the training in the experiment."),
        };
        var smoothing = loss is CrossEntropy entropy ? entropy.Smoothing : 0;
        if (loss.Reduction == Reduction.Mean && smoothing == 0)
        {
            json.WriteString("loss", kind);
            return;
        }
        json.WriteStartObject("loss");
        json.WriteString("kind", kind);
        json.WriteString("reduction", loss.Reduction == Reduction.Mean ? "mean" : "sum");
        if (smoothing > 0)
            json.WriteNumber("smoothing", smoothing);
        json.WriteEndObject();
    }

    private Loss Of(string kind) => kind switch
    {
        "cross-entropy" => new CrossEntropy(),
        "binary-cross-entropy" => new BinaryCrossEntropy(),
        "mean-squared" => new MeanSquared(),
        _ => throw fields.Fault("loss", Kinds),
    };
}
