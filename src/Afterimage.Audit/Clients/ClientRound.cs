using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>One client in one round, with everything that happened on its side.</summary>
public sealed class ClientRound : IDisposable
{
    /// <summary>The shared model before the round; belongs to the round.</summary>
    public required VictimModel Model { get; init; }

    /// <summary>What the client sends.</summary>
    public required GradientSet Update { get; init; }

    /// <summary>
    /// The weight difference as the client sent it, where <see cref="Update"/> is the gradient that one step of a known rate made it of;
    /// otherwise null.
    /// </summary>
    public GradientSet? Difference { get; init; }

    /// <summary>What the difference went through on its way.</summary>
    public Channel DifferenceChannel { get; init; } = Channel.None;

    /// <summary>Later rounds on the same batch, whose updates are stacked in <see cref="Update"/>; null for one round.</summary>
    public LaterRounds? Later { get; init; }

    /// <summary>The local training behind the update.</summary>
    public required LocalTraining Training { get; init; }

    /// <summary>Whether somebody said what the update is; where nobody did, it is taken for a gradient and looked at.</summary>
    public bool IsDescribed { get; init; } = true;

    /// <summary>Whether somebody said what the training lowers; where nobody did, it is taken for cross-entropy and looked at.</summary>
    public bool IsLossDescribed { get; init; } = true;

    /// <summary>Images in the batch; 0 where nobody said.</summary>
    public required int BatchSize { get; init; }

    /// <summary>What the update went through on its way, as everybody knows it.</summary>
    public Channel Channel { get; init; } = Channel.None;

    /// <summary>The labels as far as somebody knows them; a threat model decides whether the attacker does.</summary>
    public ValueList<int>? Labels { get; init; }

    /// <summary>What the BatchNorm layers saw of the batch before its first step; null where nobody knows.</summary>
    public LayerStatistics? BatchStatistics { get; init; }

    /// <summary>The running BatchNorm statistics after the round; null where nobody knows, or where the round leaves them alone.</summary>
    public LayerStatistics? RunningStatistics { get; init; }

    /// <summary>Whether the statistics stand in what the client sends, so that no threat model can hide them.</summary>
    public bool SendsStatistics { get; init; }

    /// <summary>What was found out of an update file, one sentence each without a period.</summary>
    public ValueList<string> Reading { get; init; } = [];

    /// <summary>The images, or null when only the update is at hand.</summary>
    public PrivateBatch? Truth { get; init; }

    /// <summary>Public images for the baselines; none of them is the client's.</summary>
    public required ImageBatch PublicImages { get; init; }

    /// <summary>Public images that an attacker may learn from, without those of the client; null where no data set is at hand.</summary>
    public ImageSet? KnownImages { get; init; }

    /// <summary>A name for each class.</summary>
    public required ValueList<string> ClassNames { get; init; }

    /// <summary>What an attacker sees who is told the local training, or is not; the tensors stay the round's.</summary>
    public (GradientSet Update, LocalTraining Training, Channel Channel) Seen(bool training) =>
        training || (Difference is null && Training.Kind == UpdateKind.Gradient) ? (Update, Training, Channel)
            : (Difference ?? Update, new HiddenTraining { Mode = Training.Mode, Loss = Training.Loss },
                Difference is null ? Channel : DifferenceChannel);

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Update.Dispose();
        Later?.Dispose();
        Difference?.Dispose();
        BatchStatistics?.Dispose();
        RunningStatistics?.Dispose();
    }
}
