using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Reports;
using Afterimage.Solvers;

namespace Afterimage.Audit.Cases;

/// <summary>An experiment in words: its composition as an equation, what the attacker knows, and the papers behind its parts.</summary>
public static class Explanation
{
    /// <summary>For example "min over x: |w (A(x) - y)|^2 + 0.0001 TV(x), by L-BFGS, at most 4000 steps, ...".</summary>
    public static string Equation(Experiment experiment)
    {
        var training = experiment.Client is SimulatedClient simulated ? simulated.Training : (experiment.Client as RecordedUpdate)?.Training ?? new FedSgd();
        var known = experiment.Threat.RevealTraining || training.Kind == UpdateKind.Gradient ? training : new HiddenTraining { Mode = training.Mode };
        var operatorText = $"A(x) = {TrainingText.Operator(known)}";
        var attack = experiment.Attack switch
        {
            GradientMatching matching => Matching(matching),
            PlugAndPlay plug => Matching(new() { Labels = plug.Labels, Start = plug.Start, Fidelity = plug.Fidelity, Priors = plug.Priors, Solver = plug.Solver, Restarts = plug.Restarts },
                $" + {Number(plug.Weight / 2)} mean (x - z)^2, z = D(x) every {plug.Every} steps, sigma from {Number(plug.FirstSigma)} to {Number(plug.LastSigma)}"),
            DeepFirst deep => Matching(new() { Labels = deep.Labels, Start = deep.Start, Fidelity = deep.Fidelity, Priors = deep.Priors, Solver = deep.Solver, Restarts = deep.Restarts },
                $" + {Number(deep.FeatureWeight)} |h(x) - h|^2 / |h|^2, h of least misfit of the last {(deep.Blocks == 1 ? "block" : $"{deep.Blocks} blocks")}"),
            var other => Catalog.Kind(other.GetType()),
        };
        return $"{attack}\n{operatorText}";
    }

    private static string Matching(GradientMatching attack, string coupling = "")
    {
        var weight = attack.Fidelity.Layers == LayerWeighting.Equal ? "" : "w ";
        var distance = attack.Fidelity switch
        {
            Cosine => $"1 - cos({weight}A(x), {weight}y)",
            Euclidean => $"|{weight}(A(x) - y)|^2",
            var other => $"{other.GetType().Name}({weight}A(x), {weight}y)",
        };
        var priors = string.Concat(attack.Priors.Select(prior => $" + {Number(prior.Weight)} {(prior is TotalVariation ? "TV" : prior.GetType().Name)}(x)"));
        var unknowns = (attack.Labels is Joint ? "x and labels" : "x")
            + (attack.Nuisance is { } nuisance ? $" and {Catalog.Kind(nuisance.GetType()).Replace('-', ' ')}" : "");
        var solver = attack.Solver switch
        {
            Lbfgs lbfgs => $"L-BFGS with {lbfgs.History} pairs, at most {lbfgs.Iterations} steps",
            FirstOrder first => $"{(first.Sign == GradientSign.None ? "" : $"{first.Sign.ToString().ToLowerInvariant()}-signed ")}{first.Method} at rate {Number(first.LearningRate)}, {first.Iterations} steps",
            var other => other.GetType().Name,
        };
        var where = weight.Length == 0 ? "" : attack.Fidelity.Layers switch
        {
            LayerWeighting.InverseRms => "; w = 1 / norm of each tensor's observed update",
            LayerWeighting.Linear => "; w^2 falls linearly with depth",
            _ => "; w^2 halves from tensor to tensor",
        };
        return $"min over {unknowns}: {distance}{priors}{coupling}{where}\n" +
               $"from {Catalog.Kind(attack.Start.GetType())} starts, at most {attack.Restarts}, by {solver}, in {attack.Precision.ToString().ToLowerInvariant()}; labels: {Catalog.Kind(attack.Labels.GetType())}";
    }

    /// <summary>The label rule of an attack; the refined counts for one that has none of its own.</summary>
    internal static LabelRule RuleOf(Attacks.Attack attack) => attack switch
    {
        GradientMatching matching => matching.Labels,
        GaussNewton newton => newton.Labels,
        PlugAndPlay plug => plug.Labels,
        DeepFirst deep => deep.Labels,
        Best best => best.Labels,
        _ => new RefinedCounts(),
    };

    /// <summary>What the attacker of a round knows, and how.</summary>
    public static ImmutableArray<Assumption> Assumptions(Experiment experiment, ClientRound round)
    {
        var model = round.Model.Network is { } network ? $"{network.Parameters.Count()} parameter tensors, {round.Model.Layout.Count:N0} numbers" : $"a TorchScript file, {round.Model.Layout.Count:N0} numbers";
        var labels = experiment.Attack is GradientMatching or PlugAndPlay or DeepFirst && RuleOf(experiment.Attack) is var rule
            ? rule is Given ? new Assumption("labels", "given by the threat model", true) : new("labels", $"recovered from the update ({Catalog.Kind(rule.GetType())})", false)
            : new("labels", experiment.Threat.RevealLabels ? "given by the threat model" : "recovered from the update", experiment.Threat.RevealLabels);
        return
        [
            new("model", $"architecture and weights before the round ({model})", true),
            new("update", $"{(round.Training.Kind == UpdateKind.Gradient ? "the gradient" : "the weight difference")} of one client, {(round.Noise == 0 ? "without defense" : $"with Gaussian noise of {round.Noise.ToString("G3", CultureInfo.InvariantCulture)} of each tensor's root mean square, a strength that everyone knows")}", true),
            experiment.Threat.RevealTraining || round.Training.Kind == UpdateKind.Gradient
                ? new("local training", TrainingText.Settings(round.Training), true)
                : new("local training", "hidden; learning rate times steps is read from the update, which does not tell the two apart", false),
            experiment.Threat.RevealBatchSize && round.BatchSize > 0 ? new("batch size", round.BatchSize.ToString(CultureInfo.InvariantCulture), true)
                : new("batch size", "estimated from the update", false),
            labels,
            new("normalization", "the client's means and deviations", true),
            .. Statistics(experiment, round),
            new("images", "nothing but that pixels lie in [0,1]", false),
        ];
    }

    private static IEnumerable<Assumption> Statistics(Experiment experiment, ClientRound round)
    {
        if (experiment.Threat.RevealBatchStatistics && round.BatchStatistics is not null)
            yield return new("BatchNorm statistics", "those of the batch, given by the threat model", true);
        if (experiment.Threat.RevealRunningStatistics && round.RunningStatistics is not null)
            yield return new("running statistics", "as the client sends them after its round", true);
    }

    /// <summary>Keys of the papers behind every part of an experiment, and behind the metrics.</summary>
    public static ImmutableArray<string> Cites(Experiment experiment)
    {
        var keys = new SortedSet<string>(StringComparer.Ordinal) { "wang2004image", "kuhn1955hungarian" };
        Collect(experiment, keys);
        return [.. keys];
    }

    private static void Collect(object part, SortedSet<string> keys)
    {
        foreach (var key in part.GetType().GetCustomAttribute<CitesAttribute>()?.Keys ?? [])
            keys.Add(key);
        foreach (var property in part.GetType().GetProperties().Where(property => property.GetIndexParameters().Length == 0))
        {
            var value = property.PropertyType.Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true ? property.GetValue(part) : null;
            if (value is System.Collections.IEnumerable items)
            {
                foreach (var item in items)
                    if (item?.GetType().Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true)
                        Collect(item, keys);
            }
            else if (value is not null && value.GetType().IsClass)
                Collect(value, keys);
        }
    }

    private static string Number(double value) => value.ToString("0.#####", CultureInfo.InvariantCulture);
}
