using System.Text.Json;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>Reads a side-car strictly: a field that is unknown, of the wrong kind or impossible is named in one sentence.</summary>
internal sealed class UpdateDescriptionReader(string path)
{
    private const int LargestCount = 1_000_000;

    public UpdateDescription Read(JsonElement root)
    {
        Fields(root, "the side-car", "update", "localTraining", "loss", "mode", "batchSize", "input", "classes", "normalization",
            "labels", "statistics", "weights", "defense");
        var description = new UpdateDescription
        {
            Training = Training(root),
            BatchSize = Optional(root, "batchSize", Count),
            Input = Optional(root, "input", Shape),
            Classes = Optional(root, "classes", Count),
            Normalization = root.TryGetProperty("normalization", out var normalization) ? Normalize(normalization) : null,
            Labels = Optional(root, "labels", (element, field) => Items(element, field, Label)),
            Statistics = Optional(root, "statistics", Sent),
            Weights = root.TryGetProperty("weights", out var weights) ? Text(weights, "weights") : null,
            Defense = root.TryGetProperty("defense", out var defense) ? new DefenseReader(this).Read(defense, "defense") : null,
        };
        Check(description);
        return description;
    }

    private LocalTraining? Training(JsonElement root)
    {
        var mode = !root.TryGetProperty("mode", out var said) ? ModelMode.Eval : Text(said, "mode") switch
        {
            "eval" => ModelMode.Eval,
            "train" => ModelMode.Train,
            _ => throw Fault("mode", "is \"eval\" or \"train\""),
        };
        var loss = root.TryGetProperty("loss", out var lowered) ? new LossReader(this).Read(lowered) : new CrossEntropy();
        var local = root.TryGetProperty("localTraining", out var training);
        switch (root.TryGetProperty("update", out var update) ? Text(update, "update") : null)
        {
            case "gradient" when local:
                throw Fault("localTraining",
                    "belongs to a weight difference; a gradient has none: leave it out, or say \"update\": \"weightDifference\"");
            case "gradient":
                return new FedSgd { Mode = mode, Loss = loss };
            case "weightDifference" when !local:
                throw Fault("localTraining", "is missing: a weight difference needs its epochs, batchSize and learningRate, or \"hidden\"");
            case "weightDifference" when training.ValueKind == JsonValueKind.String:
                return Text(training, "localTraining") == "hidden" ? new HiddenTraining { Mode = mode, Loss = loss }
                    : throw Fault("localTraining", "is an object, or \"hidden\" where nobody knows it");
            case "weightDifference":
                return new LocalTrainingReader(this).Read(training) with { Mode = mode, Loss = loss };
            case null when local || said.ValueKind != JsonValueKind.Undefined || lowered.ValueKind != JsonValueKind.Undefined:
                throw Fault("update", "is missing: say \"gradient\" or \"weightDifference\"");
            case null:
                return null;
            default:
                throw Fault("update", "is \"gradient\" or \"weightDifference\"");
        }
    }

    private SentStatistics Sent(JsonElement element, string field) => Text(element, field) switch
    {
        "after" => SentStatistics.After,
        "difference" => SentStatistics.Difference,
        "batch" => SentStatistics.Batch,
        _ => throw Fault(field, "is \"after\", \"difference\" or \"batch\""),
    };

    private void Check(UpdateDescription description)
    {
        if (description.Normalization is { } normalization)
        {
            if (normalization.Mean.Count != normalization.Std.Count || normalization.Mean.Count == 0)
                throw Fault("normalization",
                    $"has {normalization.Mean.Count} means and {normalization.Std.Count} deviations: give one of each for every channel");
            if (description.Input is { } input && input.Channels != normalization.Mean.Count)
                throw Fault("normalization", $"has {normalization.Mean.Count} channels, but images are {input}");
        }
        if (description.Labels is not { } labels)
            return;
        if (description.BatchSize is { } batch && labels.Count != batch)
            throw Fault("labels", $"are {labels.Count}, but the batch has {batch} images");
        if (description.Classes is { } classes && labels.Any(label => label >= classes))
            throw Fault("labels", $"go up to {labels.Max()}, but there are only the classes 0 to {classes - 1}");
    }

    private Normalization Normalize(JsonElement element)
    {
        Fields(element, "normalization", "mean", "std");
        return new(Items(Required(element, "mean"), "mean", Number), Items(Required(element, "std"), "std", Positive));
    }

    internal void Fields(JsonElement element, string what, params string[] known)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw ArrayFault.About(path, $"{what} should be a JSON object");
        foreach (var property in element.EnumerateObject())
            if (!known.Contains(property.Name, StringComparer.Ordinal))
                throw ArrayFault.File(path,
                    $"has an unknown field \"{ArrayFault.Plain(property.Name)}\": known are {string.Join(", ", known)}");
    }

    internal JsonElement Required(JsonElement element, string field) =>
        element.TryGetProperty(field, out var value) ? value : throw Fault(field, "is missing");

    private static T? Optional<T>(JsonElement element, string field, Func<JsonElement, string, T> read) where T : struct =>
        element.TryGetProperty(field, out var value) ? read(value, field) : null;

    internal string Text(JsonElement element, string field) =>
        element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Fault(field, "should be text");

    internal int Count(JsonElement element, string field) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var count) && count is > 0 and <= LargestCount ? count
            : throw Fault(field, $"should be a whole number from 1 to {LargestCount}");

    private int Label(JsonElement element, string field) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var label) && label >= 0 ? label
            : throw Fault(field, "should be class numbers from 0");

    internal double Number(JsonElement element, string field) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var number) && double.IsFinite(number) ? number
            : throw Fault(field, "should be made of numbers");

    internal double Positive(JsonElement element, string field) =>
        Number(element, field) is > 0 and var number ? number : throw Fault(field, "should be positive");

    private ImageShape Shape(JsonElement element, string field)
    {
        var text = Text(element, field);
        try
        {
            return ImageShape.Parse(text);
        }
        catch (AfterimageException)
        {
            throw Fault(field, "should be channels, height and width, for example \"3x32x32\"");
        }
    }

    internal ValueList<T> Items<T>(JsonElement element, string field, Func<JsonElement, string, T> read) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().Select(item => read(item, field)).ToValueList()
            : throw Fault(field, "should be a list");

    internal AfterimageException Fault(string field, string reason) => ArrayFault.About(path, $"\"{field}\" {reason}");
}
