using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;

namespace Afterimage.Audit.Threats;

/// <summary>
/// What the attacker knows. The server always sees the update and the shared model; the rest is hidden unless revealed here.
/// </summary>
public sealed record ThreatModel
{
    /// <summary>Whether the attacker is handed the labels; an honest audit recovers them.</summary>
    public bool RevealLabels { get; init; }

    /// <summary>Whether the attacker is handed the BatchNorm statistics of the client's batch.</summary>
    public bool RevealBatchStatistics { get; init; }

    /// <summary>Whether the client sends its running BatchNorm statistics along, from which those of its batch follow.</summary>
    public bool RevealRunningStatistics { get; init; }

    /// <summary>
    /// Whether the attacker knows epochs, mini-batches, optimizer and learning rate behind a weight difference; if not, it takes the
    /// update for one gradient and reads its size from the update.
    /// </summary>
    public bool RevealTraining { get; init; } = true;

    /// <summary>Whether the attacker knows how many images the client trained on; if not, it reads their number from the update.</summary>
    public bool RevealBatchSize { get; init; } = true;

    /// <summary>Everything an attack may see of a round; the truth stays behind.</summary>
    public Observation Reveal(ClientRound round)
    {
        var estimate = RevealBatchSize && round.BatchSize > 0 ? null
            : Afterimage.LabelRecovery.BatchSize.Estimate(round.Model, round.Update, Known(round), round.Channel);
        var batch = estimate?.Size ?? round.BatchSize;
        var (update, training, channel, readings) = Read(round, batch);
        return new()
        {
            Update = update,
            Training = training,
            BatchSize = batch,
            IsDescribed = round.IsDescribed,
            Readings = readings,
            Estimate = estimate,
            Labels = RevealLabels ? round.Labels : null,
            BatchStatistics = RevealBatchStatistics || round.SendsStatistics ? round.BatchStatistics : null,
            RunningStatistics = RevealRunningStatistics || (round.SendsStatistics && Known(round) is not HiddenTraining)
                ? round.RunningStatistics : null,
            Channel = channel,
        };
    }

    /// <summary>An update that nobody described on the scale of a mean gradient, and what was found out of it.</summary>
    private (GradientSet Update, LocalTraining Training, Channel Channel, ValueList<string> Readings) Read(ClientRound round, int batch)
    {
        if (round.IsDescribed)
            return (round.Update, Known(round), round.Channel, []);
        var way = round.Channel == Channel.None ? ChannelReading.Of(round.Update) : null;
        var readings = way is null ? new List<string>() : [way.Sentence];
        var (update, training) = (round.Update, Known(round));
        var gradient = new FedSgd { Mode = training.Mode, Loss = training.Loss };
        if (training is FedSgd or HiddenTraining && GradientScale.Read(round.Model, update, gradient, batch) is { } scale)
        {
            training = gradient;
            if (scale.Factor != 1)
            {
                update = update.Scale(1 / scale.Factor);
                readings.Add(scale.Meaning(batch));
            }
        }
        return (update, training, way?.Channel ?? round.Channel, readings.ToValueList());
    }

    private LocalTraining Known(ClientRound round) => RevealTraining || round.Training.Kind == UpdateKind.Gradient ? round.Training
        : new HiddenTraining { Mode = round.Training.Mode, Loss = round.Training.Loss };
}
