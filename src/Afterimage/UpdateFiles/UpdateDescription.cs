using System.Text;
using System.Text.Json;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>
/// What is known of an update file: the JSON file beside it. Whatever is null is not said there, and must be said elsewhere or inferred.
/// </summary>
public sealed record UpdateDescription
{
    /// <summary>What the client did: a gradient is <see cref="FedSgd"/>, a weight difference comes from local steps.</summary>
    public LocalTraining? Training { get; init; }

    /// <summary>Images in the client's batch.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Means and deviations of the client's normalization; null leaves images in [0,1].</summary>
    public Normalization? Normalization { get; init; }

    /// <summary>Shape of one image.</summary>
    public ImageShape? Input { get; init; }

    /// <summary>Classes that the model tells apart.</summary>
    public int? Classes { get; init; }

    /// <summary>The labels, when they are known: one class for each image.</summary>
    public ValueList<int>? Labels { get; init; }

    /// <summary>A file of the weights before the round, absolute or beside the side-car; null is not said.</summary>
    public string? Weights { get; init; }

    /// <summary>What the client did to its update before it sent it, compression included; null is not said.</summary>
    public Defense? Defense { get; init; }

    /// <summary>What the file's BatchNorm statistics are; null leaves them out.</summary>
    public SentStatistics? Statistics { get; init; }

    /// <summary>The side-car of an update file: the same path with the ending .json.</summary>
    public static string PathFor(string updatePath) => Path.ChangeExtension(updatePath, ".json");

    /// <summary>Reads a side-car.</summary>
    /// <exception cref="AfterimageException">The file is missing or says something impossible.</exception>
    public static UpdateDescription Read(string path)
    {
        try
        {
            var read = Parse(File.ReadAllText(path), path);
            return read.Weights is null ? read
                : read with { Weights = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, read.Weights) };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ArrayFault.File(path, $"cannot be read ({error.Message.TrimEnd('.')})", error);
        }
    }

    /// <summary>Strict JSON; comments and trailing commas are allowed.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">What errors call it.</param>
    public static UpdateDescription Parse(string json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new()
            {
                CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false, MaxDepth = 8,
            });
            return new UpdateDescriptionReader(path).Read(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw ArrayFault.File(path, $"is not the JSON of an update ({JsonFault.Words(error)})", error);
        }
    }

    /// <summary>The description as a side-car.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new() { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            if (Training is { } training)
            {
                json.WriteString("update", training.Kind == UpdateKind.Gradient ? "gradient" : "weightDifference");
                LocalTrainingReader.Write(json, training);
                LossReader.Write(json, training.Loss);
                json.WriteString("mode", training.Mode == ModelMode.Eval ? "eval" : "train");
            }
            if (Weights is { } weights)
                json.WriteString("weights", weights);
            if (Defense is { } defense)
                DefenseReader.Write(json, defense);
            if (Statistics is { } statistics)
                json.WriteString("statistics", statistics.ToString().ToLowerInvariant());
            if (BatchSize is { } batch)
                json.WriteNumber("batchSize", batch);
            if (Input is { } input)
                json.WriteString("input", input.ToString());
            if (Classes is { } classes)
                json.WriteNumber("classes", classes);
            if (Normalization is { } normalization)
            {
                json.WriteStartObject("normalization");
                WriteNumbers(json, "mean", normalization.Mean);
                WriteNumbers(json, "std", normalization.Std);
                json.WriteEndObject();
            }
            if (Labels is { } labels)
                WriteNumbers(json, "labels", labels.Select(label => (double)label));
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<double> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}
