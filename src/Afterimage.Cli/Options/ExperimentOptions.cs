using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.LabelRecovery;

namespace Afterimage.Cli.Options;

/// <summary>
/// The flags that describe an experiment. Each is an edit of the experiment's JSON, so that a file and flags take one path;
/// what neither says keeps its default.
/// </summary>
internal sealed class ExperimentOptions
{
    private enum For { AnyClient, SimulatedClient, UpdateFile }

    private sealed record Flag(Option Option, For Client, Action<ParseResult, JsonObject> Edit);

    private static readonly ImmutableArray<string> Mixes = ["any", "distinct", "same", "balanced", "repeated"];

    private readonly ExperimentFile files;
    private readonly List<Flag> flags = [];
    private readonly Argument<string?> file = new("experiment.json")
    {
        Description = "An experiment; without it, one DeadLeaves image and LeNet.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    // Edits are made in this order: whole parts first, then what is inside them, then --set.
    /// <param name="files">Reads experiments.</param>
    /// <param name="attacked">Whether an attack follows; without one, its flags are absent.</param>
    public ExperimentOptions(ExperimentFile files, bool attacked = true)
    {
        this.files = files;
        var catalog = files.Catalog;
        Add<string>("--update -u", "FILE", "The update of a real client (torch.save, .npz, .safetensors, .pbuf).",
            (json, path) => json["client"] = new JsonObject { ["kind"] = "recorded-update", ["update"] = path });
        Add<string>("--before", "FILE", "The weights before the round, where the update file holds those after it.",
            (json, path) => json["client"]!["before"] = path, For.UpdateFile);
        Add<string>("--update-kind", "KIND", "What the update file holds: weights, difference or gradient; by default it is found out.",
            (json, kind) => json["client"]!["updateKind"] =
                OneOf("--update-kind", kind, "weights", "difference", "gradient"), For.UpdateFile);
        Add<string>("--input", "CxHxW",
            "Shape of the images behind an update file, for example 3x32x32; needed only where no file says it.",
            (json, shape) => json["client"]!["input"] = shape, For.UpdateFile);
        Add<int>("--classes", "N", "Classes of the model behind an update file; needed only where no file says it.",
            (json, count) => json["client"]!["classes"] = count, For.UpdateFile);
        Add<string>("--truth", "FILE", "The images and labels behind an update file (.npz), to judge the result.",
            (json, path) => json["client"]!["truth"] = path, For.UpdateFile);
        Add<string>("--data -d", "NAME|PATH",
            $"Images of a simulated client: {string.Join(", ", PartName.DataNames(catalog))}, or a folder.",
            (json, name) => json["client"]!["data"] = PartName.Data(catalog, name), For.SimulatedClient, PartName.DataNames(catalog));
        Add<string>("--images", "LIST", "These images of the data set, for example 0,4,7.",
            (json, list) => json["client"]!["images"] = List("--images", list, Whole), For.SimulatedClient);
        Add<string>("--label-mix", "MIX", "Labels of a batch: any, distinct, same, balanced or repeated.",
            (json, mix) => json["client"]!["labels"] = OneOf("--label-mix", mix, Mixes), For.SimulatedClient, Mixes);
        Add<int>("--batch -b", "N", "Images in the client's batch.", (json, count) => json["client"]!["batchSize"] = count);
        Add<string>("--local-training", "TEXT", "fedsgd, or \"fedavg epochs=1 batch=2 rate=0.01\", with momentum=, nesterov=, decay=, " +
            "optimizer=adamw, shuffle=, clients=2,3; or \"dpsgd clip=1 noise=1\"; or hidden.",
            (json, text) => json["client"]!["training"] = LocalTrainingText.Parse(text));
        Add<string>("--mode", "MODE", "The model while the client trains: eval or train.", Mode);
        Add<string>("--loss", "NAME", "What the client's training lowers: cross-entropy, binary-cross-entropy or mean-squared.",
            (json, name) => Training(json)["loss"] = new JsonObject { ["kind"] = name });
        Add<string>("--model -m", "NAME|FILE", $"{string.Join(", ", PartName.ModelNames(catalog))} (a number is depth or width), " +
            "or a TorchScript file.",
            (json, name) => json["model"] = PartName.Model(catalog, name), choices: PartName.ModelNames(catalog));
        Add<string>("--weights", "FILE", "Weights of the model (torch.save, .safetensors or .npz).",
            (json, path) => json["model"]!["weights"] = path);
        Add<string>("--mean", "LIST", "Channel means of the client's normalization, for example 0.5,0.5,0.5.",
            (json, list) => JsonPointer.Set(json, "/model/normalization/mean", List("--mean", list, Real)));
        Add<string>("--std", "LIST", "Channel deviations of the client's normalization.",
            (json, list) => JsonPointer.Set(json, "/model/normalization/std", List("--std", list, Real)));
        if (attacked)
        {
            var others = string.Join(", ", PartName.AttackNames(catalog).Where(name => name != "best"));
            Add<string>("--attack -a", "NAME", $"By default best, which tries what applies; or {others}.",
                (json, name) => json["attack"] = PartName.Attack(catalog, name), choices: PartName.AttackNames(catalog));
            Add<string>("--labels", "WHO", "Labels are recovered by the attacker, or given to it.", Labels);
            Add<bool>("--blind", null, "The attacker is not told what the client did to its update; nothing it leaves is then judged.",
                (json, blind) => JsonPointer.Set(json, "/threat/revealDefense", !blind));
            Add<int>("--restarts", "N", "Starts of the attack at most.",
                (json, count) => Configure(
                    json, "--restarts", "makes no starts that could be repeated", attack => attack.WithRestarts(count)));
            Add<int>("--iterations", "N", "Iterations of one start at most.",
                (json, count) => Configure(json, "--iterations", "does not iterate", attack => attack.WithIterations(count)));
            Add<string>("--budget", "TIME", "Wall time of the attack on one case, for example 90s or 5m, or none; best has 5m, " +
                "and 1m more for every further image up to 10m.",
                (json, time) => json["budget"] = Seconds(time));
        }
        Add<int>("--trials", "N", "Independent batches.", (json, count) => json["trials"] = count);
        Add<ulong>("--seed", "N", "Every random choice follows from it.", (json, seed) => json["seed"] = seed);
        Add<string[]>("--set", "/PATH=VALUE", "Any other setting, for example /attack/tolerance=0; repeatable.",
            (json, edits) => Array.ForEach(edits, edit => Set(json, edit)));
    }

    public void AddTo(Command command)
    {
        command.Add(file);
        flags.ForEach(flag => command.Add(flag.Option));
    }

    /// <summary>The experiment that a command line describes.</summary>
    /// <exception cref="AfterimageException">The file or a flag is at fault.</exception>
    public Experiment Read(ParseResult line)
    {
        var path = line.GetValue(file);
        var experiment = path is null ? new Experiment() : files.Read(path);
        var given = flags.Where(flag => line.GetResult(flag.Option) is { Implicit: false }).ToArray();
        if (given.Length == 0)
            return experiment;
        var json = JsonNode.Parse(files.Write(experiment))!.AsObject();
        foreach (var flag in given)
        {
            var recorded = json["client"]!["kind"]!.GetValue<string>() == "recorded-update";
            if (flag.Client == For.SimulatedClient && recorded)
                throw new AfterimageException(
                    $"{flag.Option.Name} is about a simulated client, but the update comes from a file: leave out one of the two.");
            if (flag.Client == For.UpdateFile && !recorded)
                throw new AfterimageException($"{flag.Option.Name} is about an update file: name that file with --update.");
            flag.Edit(line, json);
        }
        return files.Parse(json.ToJsonString(), "The command line");
    }

    private void Add<T>(string name, string? value, string description, Action<JsonObject, T> edit, For client = For.AnyClient,
        IEnumerable<string>? choices = null)
    {
        var names = name.Split(' ');
        var option = new Option<T>(names[0], names[1..]) { HelpName = value, Description = description };
        option.CompletionSources.Add([.. choices ?? []]);
        flags.Add(new(option, client, (line, json) => edit(json, line.GetRequiredValue(option))));
    }

    private static void Mode(JsonObject json, string mode) => Training(json)["mode"] = OneOf("--mode", mode, "eval", "train");

    /// <summary>Where loss and mode belong: an update of which no more is known keeps them itself.</summary>
    private static JsonObject Training(JsonObject json) => (json["client"]!["training"] ?? json["client"])!.AsObject();

    private void Labels(JsonObject json, string who)
    {
        var given = OneOf("--labels", who, "recovered", "given") == "given";
        JsonPointer.Set(json, "/threat/revealLabels", given);
        var attack = files.Catalog.Read<Attack>(json["attack"]!.ToJsonString(), "The command line");
        if (given)
            Configure(json, "--labels given", "finds labels itself", known => known.WithLabels(new Given()));
        else if (attack.Rule is Given)
            Configure(json, "--labels recovered", "finds labels itself", known => known.WithLabels(new RefinedCounts()));
    }

    /// <summary>A common option on the attack, whatever its kind, or one sentence where it means nothing there.</summary>
    private void Configure(JsonObject json, string flag, string why, Func<Attack, Attack?> with)
    {
        var attack = files.Catalog.Read<Attack>(json["attack"]!.ToJsonString(), "The command line");
        json["attack"] = JsonNode.Parse(files.Catalog.Write(with(attack)
            ?? throw new AfterimageException($"{flag} means nothing to {Catalog.Kind(attack.GetType())}, which {why}: leave it out.")));
    }

    private static double Seconds(string time)
    {
        var unit = time.Length > 0 ? time[^1] : ' ';
        var factor = unit switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        var number = factor == 0 ? time : time[..^1];
        return time == "none" ? 0
            : double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is > 0 and < 1e9
                ? value * Math.Max(1, factor)
            : throw new AfterimageException($"--budget \"{time}\" is no time: write 90s, 5m or 2h, or none for no limit.");
    }

    private static void Set(JsonObject json, string edit)
    {
        var at = edit.IndexOf('=', StringComparison.Ordinal);
        if (at < 1)
            throw new AfterimageException(
                $"--set {edit} sets nothing: write a JSON pointer, =, and a value, for example /attack/tolerance=0.");
        JsonPointer.Set(json, edit[..at], Value(edit[(at + 1)..]));
    }

    /// <summary>A value as JSON, or as a string where it is none: both /seed=3 and /attack/start=gaussian read naturally.</summary>
    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static string OneOf(string flag, string value, params ImmutableArray<string> known) => known.Contains(value) ? value
        : throw new AfterimageException($"{flag} \"{value}\" is none of {string.Join(", ", known)}.");

    private static JsonArray List(string flag, string text, Func<string, JsonNode?> number) =>
        new([.. text.Split(',', StringSplitOptions.TrimEntries).Select(item => number(item)
            ?? throw new AfterimageException(
                $"{flag} \"{text}\" has \"{item}\", which is no number: write numbers with commas between them."))]);

    private static JsonValue? Whole(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? JsonValue.Create(value) : null;

    private static JsonValue? Real(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? JsonValue.Create(value) : null;
}
