using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Afterimage.Cli.Options;

/// <summary>Reads "fedsgd", "dpsgd clip=1 noise=1" or "fedavg epochs=1 batch=2 rate=0.01" into the JSON of a local training.</summary>
internal static class LocalTrainingText
{
    private const string Example = "for example \"fedavg epochs=1 batch=2 rate=0.01\"";

    private static readonly FrozenDictionary<string, string> Settings = new Dictionary<string, string>
    {
        ["epochs"] = "epochs", ["batch"] = "batchSize", ["rate"] = "learningRate", ["shuffle"] = "shuffle", ["optimizer"] = "optimizer",
        ["momentum"] = "momentum", ["nesterov"] = "nesterov", ["decay"] = "weightDecay", ["clients"] = "sizes",
        ["clip"] = "clip", ["noise"] = "noiseMultiplier",
    }.ToFrozenDictionary();

    /// <exception cref="AfterimageException">The text is no local training.</exception>
    public static JsonObject Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var kind = words.FirstOrDefault()?.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant() switch
        {
            "fedsgd" => "fed-sgd",
            "fedavg" => "fed-avg",
            "dpsgd" => "dp-sgd",
            "hidden" => "hidden-training",
            _ => throw new AfterimageException(
                $"--local-training \"{text}\" names no local training: begin with fedsgd, fedavg, dpsgd or hidden, {Example}."),
        };
        var training = new JsonObject { ["kind"] = kind };
        var optimizer = new JsonObject();
        JsonArray? sizes = null;
        foreach (var word in words.Skip(1))
        {
            if (word.Split('=') is not [var name, var value] || !Settings.TryGetValue(name, out var member))
                throw new AfterimageException($"--local-training \"{text}\" has \"{word}\", which is none of " +
                    $"{string.Join("=, ", Settings.Keys.Order())}=; {Example}.");
            if (name is "clip" or "noise" ? kind != "dp-sgd" : kind == "dp-sgd" && name != "clients")
                throw new AfterimageException($"--local-training \"{text}\" sets {word}: clip= and noise= belong to dpsgd, and dpsgd has " +
                    "no settings but these and clients=.");
            if (kind is "fed-sgd" or "hidden-training" && name != "clients")
                throw new AfterimageException(kind == "fed-sgd"
                    ? $"--local-training \"{text}\" sets {word}, but fedsgd has no settings but clients=: it sends one gradient."
                    : $"--local-training \"{text}\" sets {word}, but of hidden training nothing is known.");
            switch (name)
            {
                case "clients":
                    sizes = [.. value.Split(',').Select(size => (JsonNode)Whole(size, word))];
                    break;
                case "optimizer":
                    optimizer["kind"] = value.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant() switch
                    {
                        "sgd" => "sgd",
                        "adamw" => "adam-w",
                        _ => throw Wrong(word, "sgd or adamw"),
                    };
                    break;
                case "momentum" or "decay":
                    optimizer[member] = Real(value) is >= 0 and var number ? number : throw Wrong(word, "a number of at least 0");
                    break;
                case "clip":
                    training[member] = Real(value) is > 0 and var norm ? norm : throw Wrong(word, "a positive number");
                    break;
                case "noise":
                    training[member] = Real(value) is >= 0 and var noise ? noise : throw Wrong(word, "a number of at least 0");
                    break;
                case "nesterov":
                    optimizer[member] = Flag(value, word);
                    break;
                case "shuffle":
                    training[member] = Flag(value, word);
                    break;
                case "rate":
                    training[member] = Real(value) is > 0 and var rate ? rate : throw Wrong(word, "a positive number");
                    break;
                default:
                    training[member] = Whole(value, word);
                    break;
            }
        }
        if (optimizer.Count > 0)
            training["optimizer"] = optimizer.ContainsKey("kind") ? optimizer
                : new JsonObject([new("kind", "sgd"), .. Detached(optimizer)]);
        return sizes is null ? training : new JsonObject { ["kind"] = "aggregate", ["sizes"] = sizes, ["local"] = training };

        int Whole(string value, string word) =>
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
                ? count : throw Wrong(word, "a positive whole number");
        bool Flag(string value, string word) => bool.TryParse(value, out var flag) ? flag : throw Wrong(word, "true or false");
        AfterimageException Wrong(string word, string wanted) =>
            new($"--local-training \"{text}\" has \"{word}\", which needs {wanted}; {Example}.");
    }

    private static double Real(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number : double.NaN;

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Detached(JsonObject json) =>
        json.Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()));
}
