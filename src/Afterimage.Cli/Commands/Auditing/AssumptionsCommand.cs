using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Cli.Commands;

/// <summary>
/// Attacks the same batches with one piece of knowledge given or withheld at a time, and prints what each adds in dB.
/// </summary>
internal static class AssumptionsCommand
{
    private const string Pointer = "/threat", Reveal = "Reveal";

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files);
        var flags = new ReportFlags();
        var command = new Command("assumptions",
            "Attack the same batches with pieces of knowledge given or withheld, and print what each adds in dB.");
        experiment.AddTo(command);
        flags.AddTo(command);
        command.SetAction(line =>
        {
            var described = experiment.Read(line);
            if (described.Vary.Any(axis => axis.Pointer.StartsWith(Pointer, StringComparison.Ordinal)))
                throw new AfterimageException("The experiment varies what the attacker knows already: leave that axis out, or run audit.");
            return flags.Run(line, files, Varied(files, described), flags.Audit(line), terminal, KnowledgeView.Write);
        });
        return command;
    }

    /// <summary>The threat model as described, then each that differs in one piece of knowledge that matters to the round.</summary>
    private static Experiment Varied(ExperimentFile files, Experiment described)
    {
        var switches = typeof(ThreatModel).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.PropertyType == typeof(bool) && property.Name.StartsWith(Reveal, StringComparison.Ordinal)
                && Matters(property.Name, described)).ToArray();
        if (switches.Length == 0)
            throw new AfterimageException("Nothing of what this attacker may know can be given or withheld here: " +
                "choose a simulated client, or run audit.");
        var json = JsonNode.Parse(files.Write(described))!["threat"]!.AsObject();
        var values = new List<JsonNode?> { json.DeepClone() };
        foreach (var property in switches)
        {
            var (other, name) = (json.DeepClone().AsObject(), char.ToLowerInvariant(property.Name[0]) + property.Name[1..]);
            other[name] = !(bool)property.GetValue(described.Threat)!;
            values.Add(other);
        }
        return described with { Vary = [.. described.Vary, new(Pointer, values.ToValueList())] };
    }

    /// <summary>Whether a piece of knowledge can change anything of such a round.</summary>
    private static bool Matters(string name, Experiment described)
    {
        var simulated = described.Client as SimulatedClient;
        var training = simulated?.Training ?? (described.Client as RecordedUpdate)?.Training;
        return name switch
        {
            nameof(ThreatModel.RevealLabels) => simulated is not null || described.Client is RecordedUpdate { Truth: not null },
            nameof(ThreatModel.RevealBatchStatistics) => HasBatchNorm(described.Model),
            nameof(ThreatModel.RevealRunningStatistics) => HasBatchNorm(described.Model)
                && training is FedSgd { Mode: ModelMode.Train },
            nameof(ThreatModel.RevealTraining) => training is { Kind: UpdateKind.WeightDifference } and not HiddenTraining,
            nameof(ThreatModel.RevealBatchSize) => true,
            nameof(ThreatModel.RevealPublicImages) => simulated is not null && described.Attack.UsesPublicImages,
            "RevealDefense" => simulated is { Defense: not None },
            _ => true,
        };
    }

    private static bool HasBatchNorm(ModelSource model) => model is not (LeNet or Mlp);
}
