using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Afterimage.Audit.Cases;

namespace Afterimage.Server.Uploads;

/// <summary>
/// An experiment that came from a browser. It names files by their uploads ("upload:" and an identity); every other text in it that a
/// part could take for a path is refused, in every case that its axes make.
/// </summary>
internal sealed class SubmittedExperiment(ExperimentFile files, UploadStore uploads)
{
    private const string Prefix = "upload:";
    private const int MostCases = 1000;

    /// <summary>Reads it.</summary>
    /// <exception cref="AfterimageException">It is no experiment, too large, or names a file that was not uploaded.</exception>
    public Experiment Read(string json)
    {
        var experiment = files.Parse(WithUploads(json), "The experiment");
        if (ExperimentFile.Count(experiment) is > MostCases and var count)
            throw new AfterimageException($"The experiment has {count:N0} cases, and the page starts {MostCases:N0} at most: run it with " +
                "\"afterimage audit experiment.json\", and look at it here.");
        var foreign = files.Expand(experiment).Select(one => one.Configuration).Append(experiment with { Vary = [] })
            .SelectMany(one => Texts(one, "")).Where(text => text.Pointer != "/title" && !uploads.Holds(text.Value))
            .Select(text => $"{text.Pointer} names a file, \"{text.Value}\", and the page opens none but those that were uploaded")
            .Distinct().Take(5).ToArray();
        return foreign.Length == 0 ? experiment
            : throw new AfterimageException($"{string.Join("; ", foreign)}: upload it, or run the experiment from the command line.");
    }

    private string WithUploads(string json)
    {
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false });
        }
        catch (JsonException fault)
        {
            throw new AfterimageException("The experiment is no JSON: correct it.", fault);
        }
        return Replaced(root)?.ToJsonString() ?? "null";
    }

    private JsonNode? Replaced(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(pair => KeyValuePair.Create(pair.Key, Replaced(pair.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Replaced)]),
        JsonValue value when value.TryGetValue<string>(out var text) && text.StartsWith(Prefix, StringComparison.Ordinal) =>
            uploads.PathOf(text[Prefix.Length..])
                ?? throw new AfterimageException($"There is no upload {text[Prefix.Length..]}: upload it again."),
        _ => node?.DeepClone(),
    };

    /// <summary>Every text among the settings, enumerations and shapes left out, with its JSON pointer.</summary>
    private IEnumerable<(string Pointer, string Value)> Texts(object? value, string at) => value switch
    {
        null or JsonNode => [],
        string text => [(at, text)],
        IEnumerable list => list.Cast<object?>().SelectMany((item, index) => Texts(item, $"{at}/{index}")),
        _ when files.Catalog.Json.GetTypeInfo(value.GetType()) is { Kind: JsonTypeInfoKind.Object } info =>
            info.Properties.Where(property => property.Get is not null)
                .SelectMany(property => Texts(property.Get!(value), $"{at}/{property.Name}")),
        _ => [],
    };
}
