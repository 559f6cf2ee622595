using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
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

    /// <summary>
    /// Whether the attacker knows what the client did to its update; an honest audit lets it know, and a blind attacker shows only what
    /// that knowledge is worth.
    /// </summary>
    public bool RevealDefense { get; init; } = true;

    /// <summary>Whether the attacker may learn from public images of the client's kind, where some are at hand.</summary>
    public bool RevealPublicImages { get; init; } = true;

    /// <summary>Everything an attack may see of a round; the truth stays behind.</summary>
    public Observation Reveal(ClientRound round)
    {
        var seen = Seen(round);
        var estimate = RevealBatchSize && round.BatchSize > 0 ? null
            : Afterimage.LabelRecovery.BatchSize.Estimate(round.Model, seen.Update, seen.Training, seen.Channel);
        var batch = estimate?.Size ?? round.BatchSize;
        var read = Read(round, batch);
        return new()
        {
            Update = read.Update,
            Training = read.Training,
            BatchSize = batch,
            IsDescribed = round.IsDescribed,
            IsConfirmed = read.IsConfirmed,
            Readings = read.Sentences.ToValueList(),
            Estimate = estimate,
            Labels = RevealLabels ? round.Labels : null,
            BatchStatistics = RevealBatchStatistics || round.SendsStatistics ? round.BatchStatistics : null,
            RunningStatistics = RevealRunningStatistics || (round.SendsStatistics && seen.Training is not HiddenTraining)
                ? round.RunningStatistics : null,
            Channel = read.Channel,
            IsDefenseHidden = IsBlind(round),
            Later = round.Later,
        };
    }

    /// <summary>Whether the client did something to its update of which the attacker is not told.</summary>
    public bool IsBlind(ClientRound round) => IsHidden(round.Seen(RevealTraining).Channel);

    private bool IsHidden(Channel channel) => !RevealDefense && !ReferenceEquals(channel.Undefended, channel);

    /// <summary>The update as the attacker takes it: a blind one takes every number for what it says.</summary>
    private (GradientSet Update, LocalTraining Training, Channel Channel) Seen(ClientRound round)
    {
        var seen = round.Seen(RevealTraining);
        return IsHidden(seen.Channel) ? (seen.Update, seen.Training, seen.Channel.Undefended)
            : (seen.Channel.Read(seen.Update), seen.Training, seen.Channel);
    }

    /// <summary>An update that nobody described on the scale of a mean gradient, and what was found out of it.</summary>
    private Reading Read(ClientRound round, int batch)
    {
        var (update, training, channel) = Seen(round);
        var plain = new Reading(update, training, channel, true, []);
        if (round.IsDescribed)
            return plain;
        var way = channel == Channel.None ? ChannelReading.Of(update) : null;
        var read = way is null ? plain : plain with
        {
            Update = way.Magnitude == 1 ? update : update.Scale(1 / way.Magnitude),
            Channel = way.Channel,
            Sentences = [way.Sentence],
        };
        // Where tensors arrive on scales of their own, nothing has a size.
        if (read.Channel is TensorScales)
            return read with { IsConfirmed = false };
        if (read.Training is not (FedSgd or HiddenTraining))
            return read;
        var gradient = new FedSgd { Mode = read.Training.Mode, Loss = read.Training.Loss };
        if (!round.IsLossDescribed && read.Channel == Channel.None)
        {
            if (LossReading.Of(round.Model, update, batch) is { } loss)
                return Scaled(read with
                {
                    Training = gradient with { Loss = loss.Loss },
                    IsConfirmed = loss.IsSure,
                    Sentences = [.. read.Sentences, loss.Sentence],
                }, loss.Scale, batch);
            if (LossReading.AreLogProbabilities(round.Model))
                read = read with
                {
                    Sentences = [.. read.Sentences, "the model's outputs are log-probabilities, for their exponentials add up to 1: the " +
                        "loss was taken for their negative log-likelihood, which is cross-entropy"],
                };
        }
        if (GradientScale.Read(round.Model, update, gradient, batch) is not { } scale)
            return read with { IsConfirmed = false };
        read = read with { Training = gradient, IsConfirmed = scale.IsSure && (read.Channel.Effects & ChannelEffects.Missing) == 0 };
        return Scaled(read, scale, batch);
    }

    private static Reading Scaled(Reading read, GradientScale scale, int batch) => scale.Factor == 1 ? read
        : read with { Update = read.Update.Scale(1 / scale.Factor), Sentences = [.. read.Sentences, scale.Meaning(batch)] };

    private sealed record Reading(
        GradientSet Update, LocalTraining Training, Channel Channel, bool IsConfirmed, IReadOnlyList<string> Sentences);
}
