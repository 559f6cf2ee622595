using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Afterimage.Cli.Options;

/// <summary>Reads "fedsgd" or "fedavg epochs=1 batch=2 rate=0.01" into the JSON of a local training.</summary>
internal static class LocalTrainingText
{
    private const string Example = "for example \"fedavg epochs=1 batch=2 rate=0.01\"";

    private static readonly FrozenDictionary<string, string> Settings =
        new Dictionary<string, string> { ["epochs"] = "epochs", ["batch"] = "batchSize", ["rate"] = "learningRate" }.ToFrozenDictionary();

    /// <exception cref="AfterimageException">The text is no local training.</exception>
    public static JsonObject Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var kind = words.FirstOrDefault()?.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant() switch
        {
            "fedsgd" => "fed-sgd",
            "fedavg" => "fed-avg",
            _ => throw new AfterimageException($"--local-training \"{text}\" names no local training: begin with fedsgd or fedavg, {Example}."),
        };
        var training = new JsonObject { ["kind"] = kind };
        foreach (var word in words.Skip(1))
        {
            if (kind == "fed-sgd")
                throw new AfterimageException($"--local-training \"{text}\" sets {word}, but fedsgd has no settings: it sends one gradient.");
            if (word.Split('=') is not [var name, var value] || !Settings.TryGetValue(name, out var member))
                throw new AfterimageException($"--local-training \"{text}\" has \"{word}\", which is none of epochs=, batch= and rate=; {Example}.");
            training[member] = name == "rate"
                ? double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate) && rate > 0 && double.IsFinite(rate) ? rate : throw Wrong(word, "a positive number")
                : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : throw Wrong(word, "a positive whole number");
        }
        return training;

        AfterimageException Wrong(string word, string wanted) => new($"--local-training \"{text}\" has \"{word}\", which needs {wanted}; {Example}.");
    }
}
