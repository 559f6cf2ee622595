using System.Collections.Immutable;
using System.Globalization;
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

    /// <summary>Every case: the product of the axes, then those that are listed, times the trials; the last axis varies fastest.</summary>
    /// <exception cref="AfterimageException">Axes lead nowhere or have values that mean nothing; all of them are named.</exception>
    public IReadOnlyList<Case> Expand(Experiment experiment)
    {
        CheckWhole(experiment);
        var faults = new List<string>();
        var cases = Expand(experiment, faults, null);
        return faults.Count == 0 ? cases : throw new AfterimageException(Settings.Joined(faults.Distinct()));
    }

    /// <summary>Cases whose values mean something; what is wrong with the others is added to the faults.</summary>
    private List<Case> Expand(Experiment experiment, List<string> faults, Action<Phase>? watch)
    {
        var bare = Write(experiment with { Vary = [], Cases = null, Trials = 1 });
        var cases = new List<Case>();
        var count = Count(experiment);
        foreach (var values in Product(experiment).Concat(ListedCases.Of(experiment)))
        {
            watch?.Invoke(new("reads the cases", cases.Count, count, "cases"));
            try
            {
                var configuration = Configure(bare, values);
                var json = Write(configuration);
                var axes = values.ToImmutableSortedDictionary(value => value.Label, value => value.Text);
                for (var trial = 0; trial < experiment.Trials; trial++)
                    cases.Add(new(configuration, trial, experiment.Trials == 1 ? axes
                        : axes.SetItem("trial", (trial + 1).ToString(CultureInfo.InvariantCulture)), json));
            }
            catch (AfterimageException fault)
            {
                faults.AddRange(fault.Faults.Count > 0 ? fault.Faults : [fault.Message]);
            }
        }
        // A listed case may be one of the product.
        return experiment.Cases is null ? cases : [.. cases.DistinctBy(one => one.Id)];
    }

    /// <summary>How many cases an experiment has: the combinations of the axes and the listed ones, times the trials.</summary>
    public static long Count(Experiment experiment) =>
        (long)Math.Min(long.MaxValue, Combinations(experiment) * experiment.Trials);

    private static double Combinations(Experiment experiment) => (experiment.Cases?.Count ?? 0) +
        (OnlyListed(experiment) ? 0 : experiment.Vary.Aggregate(1.0, (count, axis) => count * axis.Values.Count));

    private static bool OnlyListed(Experiment experiment) => experiment.Vary.Count == 0 && experiment.Cases is { Count: > 0 };

    /// <summary>What is wrong with an experiment as a whole.</summary>
    private static void CheckWhole(Experiment experiment)
    {
        Settings.Check(experiment);
        var combinations = Combinations(experiment);
        if (combinations * experiment.Trials > MostCases)
            throw new AfterimageException($"{combinations:N0} combinations of the axes in {experiment.Trials:N0} trials are too many " +
                $"for one experiment, which has {MostCases:N0} cases at most: split it.");
        if (experiment.Vary.CountBy(axis => axis.Pointer).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
            throw new AfterimageException($"Two axes vary {twice}: list all its values in one.");
        ListedCases.Check(experiment);
    }

    /// <summary>
    /// Everything that would stop a case, found by opening every combination of a model and a client once, under the first of its seeds
    /// and for the last of its trials; empty when all is well.
    /// </summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="watch">Told how far the check is.</param>
    public IReadOnlyList<string> Check(Experiment experiment, Action<Phase>? watch = null)
    {
        var faults = Check(experiment, watch, out var round);
        round?.Dispose();
        return faults;
    }

    /// <summary>
    /// The same, and what was opened where the experiment is one case, so that a large model is not opened again for its run.
    /// </summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="watch">Told how far the check is.</param>
    /// <param name="only">The only case's round on the CPU, which the caller owns; null where there are several, or faults.</param>
    public IReadOnlyList<string> Check(Experiment experiment, Action<Phase>? watch, out ClientRound? only)
    {
        var faults = new List<string>();
        only = null;
        try
        {
            CheckWhole(experiment);
            var combinations = Expand(experiment, faults, watch)
                .GroupBy(one => (one.Configuration.Model, one.Configuration.Client)).ToArray();
            foreach (var (number, cases) in combinations.Index())
            {
                void See(Phase part) => watch?.Invoke(
                    combinations.Length == 1 ? part : new(part.Name, number, combinations.Length, "combinations"));
                try
                {
                    var last = cases.MaxBy(one => one.Trial)!;
                    if (last.Configuration.Client.Fault(last.Configuration.Model) is { } fault)
                        throw new AfterimageException(fault);
                    var round = last.Configuration.Client.Open(last.Configuration.Model, last.Trial,
                        new RandomSource(last.Configuration.Seed), CPU, See);
                    if (combinations.Length == 1 && cases.Count() == 1)
                        only = round;
                    else
                        round.Dispose();
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

    private Experiment Configure(string bare, List<AxisValue> values)
    {
        var node = JsonNode.Parse(bare)!;
        foreach (var value in values)
            JsonPointer.Set(node, value.Axis.Pointer, value.Value?.DeepClone());
        return Parse(node.ToJsonString(), values.Count == 0 ? "The experiment"
            : $"The case {string.Join(", ", values.Select(value => $"{value.Axis.Pointer} = {value.Value?.ToJsonString() ?? "null"}"))}");
    }

    private static IEnumerable<List<AxisValue>> Product(Experiment experiment) =>
        OnlyListed(experiment) ? [] : Product(experiment.Vary);

    private static IEnumerable<List<AxisValue>> Product(ValueList<Axis> axes) =>
        axes.Select(axis => AxisValue.All(axis, axes)).Aggregate<AxisValue[], IEnumerable<List<AxisValue>>>([[]], (product, along) =>
            product.SelectMany(values => along.Select(value => values.Append(value).ToList())));
}
