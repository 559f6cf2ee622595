using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Cases;

/// <summary>The threat tags of a round.</summary>
[Cites("carletti2025sok")]
public static class ThreatText
{
    /// <summary>What the attacker of a round knows, as tags.</summary>
    public static ThreatTags Of(Experiment experiment, ClientRound round)
    {
        var (threat, attack) = (experiment.Threat, experiment.Attack);
        var training = round.Seen(threat.RevealTraining).Training;
        var statistics = (round.BatchStatistics is not null && (threat.RevealBatchStatistics || round.SendsStatistics))
            || (round.RunningStatistics is not null && (threat.RevealRunningStatistics || round.SendsStatistics));
        var images = attack.HasTrainedPrior || attack is GaussNewton { Public: not null }
            || (attack.UsesPublicImages && threat.RevealPublicImages && round.KnownImages is not null);
        var trained = training is not (FedSgd or HiddenTraining);
        return new(statistics ? "E" : images ? "D" : trained ? "C" : "B",
            training.Mode == ModelMode.Eval,
            attack.Rule is Given || (attack.Rule is null && threat.RevealLabels),
            statistics, images, round.Training is FedSgd);
    }
}
