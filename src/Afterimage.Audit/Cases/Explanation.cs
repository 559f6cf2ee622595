using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Cases;

/// <summary>An experiment in words: its composition as an equation, what the attacker knows, and the papers behind its parts.</summary>
public static class Explanation
{
    /// <summary>For example "min over x: |w (A(x) - y)|^2 + 0.0001 TV(x), by L-BFGS, at most 4000 steps, ...".</summary>
    /// <param name="experiment">The case.</param>
    /// <param name="loss">What the attacker takes for the loss, where that is not the one of the experiment.</param>
    /// <param name="model">The model, where it is open.</param>
    public static string Equation(Experiment experiment, Loss? loss = null, VictimModel? model = null)
    {
        var training = experiment.Client switch
        {
            SimulatedClient simulated => simulated.Training,
            RecordedUpdate { Training: { } stated } => stated,
            RecordedUpdate said => new FedSgd { Mode = said.Mode ?? ModelMode.Eval, Loss = said.Loss ?? new CrossEntropy() },
            _ => new FedSgd(),
        };
        var known = experiment.Threat.RevealTraining || training.Kind == UpdateKind.Gradient ? training
            : new HiddenTraining { Mode = training.Mode, Loss = training.Loss };
        var operatorText = $"A(x) = {TrainingText.Operator(known with { Loss = loss ?? known.Loss }, model)}";
        return $"{experiment.Attack.Equation ?? Catalog.Kind(experiment.Attack.GetType())}\n{operatorText}";
    }

    /// <summary>What the attacker of a round knows, and how.</summary>
    /// <param name="experiment">The case.</param>
    /// <param name="round">What the client did.</param>
    /// <param name="readings">What the attacker found out of an update that nobody described.</param>
    /// <param name="loss">What the attacker takes for the loss, where that is not the client's.</param>
    public static ImmutableArray<Assumption> Assumptions(
        Experiment experiment, ClientRound round, ValueList<string> readings = default, Loss? loss = null)
    {
        var (_, training, channel) = round.Seen(experiment.Threat.RevealTraining);
        var numbers = $"{round.Model.Layout.Count:N0} numbers";
        var model = round.Model.Network is { } network
            ? $"{network.Parameters.Count()} parameter tensors, {numbers}" : $"a TorchScript file, {numbers}";
        var given = experiment.Attack.Rule is Given || (experiment.Attack.Rule is null && experiment.Threat.RevealLabels);
        var labels = new Assumption("labels", given ? "given by the threat model"
            : $"recovered from the update{(experiment.Attack.Rule is { } rule ? $" ({Catalog.Kind(rule.GetType())})" : "")}", given);
        return
        [
            new("model", $"architecture and weights before the round ({model})", true),
            new("update", $"{(training.Kind == UpdateKind.Gradient ? "the gradient" : "the weight difference")} of one client, " +
                channel.Description + (experiment.Threat.IsBlind(round) ? ", of which the attacker is not told" : "") +
                (round.IsDescribed ? "" : ": so it was taken, for nobody said what it is") +
                string.Concat(readings.Select(reading => $"; {reading}")), round.IsDescribed),
            .. round.Reading.Select(sentence => new Assumption("update file", sentence, true)),
            .. round.Difference is not null && experiment.Threat.RevealTraining ? (Assumption[])[new("update file", "one step of SGD on " +
                "the whole batch: the difference is minus the learning rate times a gradient, which is attacked", true)] : [],
            training is not HiddenTraining || round.Training is HiddenTraining
                ? new("local training", TrainingText.Settings(training with { Loss = loss ?? training.Loss }, round.Model), true)
                : new("local training",
                    "hidden; learning rate times steps is read from the update, which does not tell the two apart", false),
            .. round.Later is { } later ? (Assumption[])[new("rounds",
                $"the client trained on the same batch in {later.Count} rounds, which the attacker " +
                "knows and reads jointly; the weights of each round are the server's own", true)] : [],
            experiment.Threat.RevealBatchSize && round.BatchSize > 0
                ? new("batch size", round.BatchSize.ToString(CultureInfo.InvariantCulture), true)
                : new("batch size", "estimated from the update", false),
            labels,
            new("normalization", "the client's means and deviations", true),
            .. Statistics(experiment, round),
            experiment.Attack is Best && experiment.Threat.RevealPublicImages && round.KnownImages is { } known
                ? new("images", $"public images ({known.Name}), whose mean and covariance Gauss-Newton may use", true)
                : experiment.Attack.HasTrainedPrior
                ? new("images", "what a network has learned of other images, trained beforehand", true)
                : new("images", "nothing but that pixels lie in [0,1]", false),
        ];
    }

    private static IEnumerable<Assumption> Statistics(Experiment experiment, ClientRound round)
    {
        if (experiment.Threat.RevealBatchStatistics && round.BatchStatistics is not null)
            yield return new("BatchNorm statistics", "those of the batch, given by the threat model", true);
        if ((experiment.Threat.RevealRunningStatistics || round.SendsStatistics) && round.RunningStatistics is not null)
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
            var ours = property.PropertyType.Namespace?.StartsWith("Afterimage", StringComparison.Ordinal) == true;
            var value = ours ? property.GetValue(part) : null;
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
}
