using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Audit.Cases;

/// <summary>Experiments as JSON files: read, checked and expanded into cases.</summary>
public sealed class ExperimentFile(Catalog catalog)
{
    private const int MostCases = 100_000;

    /// <summary>The attacker's parts and the auditor's.</summary>
    public Catalog Catalog { get; } = catalog.With<ClientSource, SimulatedClient>().With<ClientSource, RecordedUpdate>();

    /// <summary>Reads an experiment from a JSON file.</summary>
    public Experiment Read(string path) => Parse(InputFile.Text(path, "an experiment's JSON file"), path);

    /// <summary>Reads an experiment from JSON text.</summary>
    /// <param name="origin">What messages call the text.</param>
    public Experiment Parse(string json, string origin) => Catalog.Read<Experiment>(json, origin);

    /// <summary>The canonical JSON of an experiment.</summary>
    public string Write(Experiment experiment) => Catalog.Write(experiment);

    /// <summary>Every case: the product of the axes, times the trials; the last axis varies fastest.</summary>
    /// <exception cref="AfterimageException">Axes lead nowhere or have values that mean nothing; all of them are named.</exception>
    public IReadOnlyList<Case> Expand(Experiment experiment)
    {
        CheckWhole(experiment);
        var faults = new List<string>();
        var cases = Expand(experiment, faults);
        return faults.Count == 0 ? cases : throw new AfterimageException(Settings.Joined(faults.Distinct()));
    }

    /// <summary>Cases whose values mean something; what is wrong with the others is added to the faults.</summary>
    private List<Case> Expand(Experiment experiment, List<string> faults)
    {
        var bare = experiment with { Vary = [], Trials = 1 };
        var cases = new List<Case>();
        foreach (var values in Product(experiment.Vary))
        {
            try
            {
                var configuration = Configure(bare, values);
                var json = Write(configuration);
                var axes = values.ToImmutableSortedDictionary(
                    pair => Label(pair.Axis, experiment.Vary), pair => Plain(pair.Value, pair.Axis));
                for (var trial = 0; trial < experiment.Trials; trial++)
                    cases.Add(new(configuration, trial, experiment.Trials == 1 ? axes
                        : axes.SetItem("trial", (trial + 1).ToString(CultureInfo.InvariantCulture)), json));
            }
            catch (AfterimageException fault)
            {
                faults.AddRange(fault.Faults.Count > 0 ? fault.Faults : [fault.Message]);
            }
        }
        return cases;
    }

    /// <summary>What is wrong with an experiment as a whole.</summary>
    private static void CheckWhole(Experiment experiment)
    {
        Settings.Check(experiment);
        var combinations = experiment.Vary.Aggregate(1.0, (count, axis) => count * axis.Values.Count);
        if (combinations * experiment.Trials > MostCases)
            throw new AfterimageException($"{combinations:N0} combinations of the axes in {experiment.Trials:N0} trials are too many " +
                $"for one experiment, which has {MostCases:N0} cases at most: split it.");
        if (experiment.Vary.CountBy(axis => axis.Pointer).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
            throw new AfterimageException($"Two axes vary {twice}: list all its values in one.");
    }

    /// <summary>Everything that would stop a case, found by opening its model, data and update; empty when all is well.</summary>
    public IReadOnlyList<string> Check(Experiment experiment)
    {
        var faults = new List<string>();
        try
        {
            CheckWhole(experiment);
            foreach (var group in Expand(experiment, faults).GroupBy(one =>
                (one.Configuration.Model, one.Configuration.Client, one.Configuration.Seed)))
            {
                try
                {
                    var last = group.MaxBy(one => one.Trial)!;
                    if (last.Configuration.Client.Fault(last.Configuration.Model) is { } fault)
                        throw new AfterimageException(fault);
                    using var round = last.Configuration.Client.Open(last.Configuration.Model, last.Trial,
                        new RandomSource(last.Configuration.Seed), CPU);
                }
                catch (AfterimageException refusal)
                {
                    faults.Add(refusal.Message);
                }
            }
        }
        catch (AfterimageException fault)
        {
            faults.Add(fault.Message);
        }
        return [.. faults.Distinct()];
    }

    private Experiment Configure(Experiment bare, List<(Axis Axis, JsonNode? Value)> values)
    {
        var node = JsonNode.Parse(Write(bare))!;
        foreach (var (axis, value) in values)
            JsonPointer.Set(node, axis.Pointer, value?.DeepClone());
        return Parse(node.ToJsonString(), values.Count == 0 ? "The experiment"
            : $"The case {string.Join(", ", values.Select(pair => $"{pair.Axis.Pointer} = {pair.Value?.ToJsonString() ?? "null"}"))}");
    }

    /// <summary>The last name in an axis's pointer, or all of it where another axis ends alike.</summary>
    private static string Label(Axis axis, ValueList<Axis> axes) =>
        axes.Count(other => JsonPointer.Last(other.Pointer) == JsonPointer.Last(axis.Pointer)) == 1 ? JsonPointer.Last(axis.Pointer)
            : axis.Pointer[1..];

    private static IEnumerable<List<(Axis Axis, JsonNode? Value)>> Product(ValueList<Axis> axes) =>
        axes.Aggregate<Axis, IEnumerable<List<(Axis, JsonNode?)>>>([[]], (product, axis) => axis.Values.Count > 0
            ? product.SelectMany(values => axis.Values.Select(value => values.Append((axis, value)).ToList()))
            : throw new AfterimageException($"The axis {axis.Pointer} has no values: list at least one."));

    /// <summary>A value in words: a part's kind, and where the axis has others of that kind what tells it from them.</summary>
    private static string Plain(JsonNode? value, Axis axis)
    {
        var name = Plain(value);
        var alike = axis.Values.Where(other => Plain(other) == name).OfType<JsonObject>().ToArray();
        if (value is not JsonObject part || alike.Length < 2)
            return name;
        var own = part.Where(pair => alike.Any(other => !JsonNode.DeepEquals(other[pair.Key], pair.Value)))
            .Select(pair => $"{pair.Key} {Plain(pair.Value)}");
        return string.Join(", ", alike.Length < axis.Values.Count ? own.Prepend(name) : own) is { Length: > 0 } told ? told : name;
    }

    private static string Plain(JsonNode? value) => value switch
    {
        null => "none",
        JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String => scalar.GetValue<string>(),
        JsonObject part when (part["known"] ?? part["kind"]) is { } kind => kind.GetValue<string>(),
        _ => value.ToJsonString(),
    };
}
