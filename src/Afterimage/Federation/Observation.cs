using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// All that the server sees and knows of one client in one round. Whatever is null the threat model hides, and an attack
/// must infer it or do without.
/// </summary>
public sealed class Observation : IDisposable
{
    private LocalTraining training = null!;
    private GradientSet update = null!;

    /// <summary>What the client sent.</summary>
    public required GradientSet Update { get => update; init => update = value; }

    /// <summary>How the client trained, as far as the server knows.</summary>
    public required LocalTraining Training { get => training; init => training = value; }

    /// <summary>Images in the client's batch: as the client said, or where it did not, the size of <see cref="Estimate"/>.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Where the batch size is the attacker's estimate; null when it is known.</summary>
    public BatchEstimate? Estimate { get; init; }

    /// <summary>The labels, one class for each image, when the threat model reveals them.</summary>
    public ValueList<int>? Labels { get; init; }

    /// <summary>What the BatchNorm layers saw of the client's batch, when the threat model reveals it.</summary>
    public LayerStatistics? BatchStatistics { get; init; }

    /// <summary>The running BatchNorm statistics after the client's round, when it sends them and the threat model reveals them.</summary>
    public LayerStatistics? RunningStatistics { get; init; }

    /// <summary>What the BatchNorm layers saw of the batch, as told or as the running statistics show it; null where neither is.</summary>
    public LayerStatistics? StatisticsOf(VictimModel model) => BatchStatistics ?? RunningStatistics?.Inferred(model, BatchSize, Training);

    /// <summary>The way from A(x) to <see cref="Update"/>. A defense's kind and strength are public, as they always should be.</summary>
    public Channel Channel { get; init; } = Channel.None;

    /// <summary>
    /// Whether the client did something to its update that the attacker was not told of, so that no misfit can be judged; the channel is
    /// then that of an update as it is.
    /// </summary>
    public bool IsDefenseHidden { get; init; }

    /// <summary>
    /// Later rounds in which the client trained on the same batch; <see cref="Update"/> is then that of all rounds, stacked. Null for one.
    /// </summary>
    public LaterRounds? Later { get; init; }

    /// <summary>The relative misfit of the true images: what the channel alone leaves unexplained.</summary>
    public double Floor => Channel.Floor(Update);

    /// <summary>Whether somebody said what the update is; where nobody did, its size is not known for certain.</summary>
    public bool IsDescribed { get; init; } = true;

    /// <summary>Whether the head confirms the size and sign that the update is taken for; nothing is certain where not.</summary>
    public bool IsConfirmed { get; init; } = true;

    /// <summary>What the attacker found out of an update that nobody described, one sentence each.</summary>
    public ValueList<string> Readings { get; init; } = [];

    /// <summary>
    /// |y' - y| / |y|: how much of the update a predicted one leaves unexplained, over the numbers that arrived; of an update that nobody
    /// described, after the factor that suits it best.
    /// </summary>
    public double Misfit(GradientSet predicted) => Misfit(predicted, IsDescribed ? 1 : Size(predicted));

    private double Misfit(GradientSet predicted, double size)
    {
        if (size == 1)
            return Channel.Misfit(predicted, Update);
        using var scaled = predicted.Scale(size);
        return Channel.Misfit(scaled, Update);
    }

    /// <summary>The positive factor that brings a predicted update nearest to the observed one.</summary>
    private double Size(GradientSet predicted)
    {
        using var scope = Tidy.Scope();
        var arrived = Channel.Mask(Update) is { } mask ? predicted.Flat * mask : predicted.Flat;
        var (square, along) = (arrived.square().sum().ToDouble(), arrived.dot(Update.Flat).ToDouble());
        return square > 0 && along > 0 ? along / square : 1;
    }

    /// <summary>The update on the scale of the mean gradient: a weight difference is divided by minus rate times steps.</summary>
    public GradientSet ApproximateGradient() => Training.GradientFactor(BatchSize) is var factor && factor == 1
        ? new(Update.Layout, Update.Flat.alias()) : Update.Scale(1 / factor);

    /// <summary>
    /// The observation with what the attacker reads from the update itself: hidden training gets its length, where the update shows
    /// one. It shares the tensors of this one, which stays their owner.
    /// </summary>
    public Observation Completed(VictimModel model)
    {
        if (training is not HiddenTraining { Length: null } hidden)
            return this;
        var completed = (Observation)MemberwiseClone();
        if (hidden.Loss.HeadObstacle is null)
            completed.training = hidden with { Length = HiddenTraining.Estimate(model, Update, BatchSize) };
        return completed;
    }

    /// <summary>The observation as if another loss had been lowered. It shares the tensors of this one, which stays their owner.</summary>
    internal Observation Under(Loss loss)
    {
        var other = (Observation)MemberwiseClone();
        other.training = training with { Loss = loss };
        return other;
    }

    /// <summary>
    /// The observation as if the client had sent another update, without labels and statistics of its batch.
    /// It shares the training and the channel of this one.
    /// </summary>
    /// <param name="sent">What it would have sent; the caller owns it.</param>
    public Observation Sending(GradientSet sent) => new()
    {
        Update = sent,
        Training = Training,
        BatchSize = BatchSize,
        Channel = Channel,
        IsDefenseHidden = IsDefenseHidden,
    };

    /// <summary>A copy in another precision or on another device; the caller owns it.</summary>
    public Observation To(ScalarType type, Device device) =>
        new()
        {
            Update = Update.To(type, device),
            Training = Training,
            BatchSize = BatchSize,
            Estimate = Estimate,
            Labels = Labels,
            Channel = Channel,
            IsDefenseHidden = IsDefenseHidden,
            Later = Later?.To(type, device),
            IsDescribed = IsDescribed,
            IsConfirmed = IsConfirmed,
            Readings = Readings,
            BatchStatistics = BatchStatistics?.To(type, device),
            RunningStatistics = RunningStatistics?.To(type, device),
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        Update.Dispose();
        Later?.Dispose();
        BatchStatistics?.Dispose();
        RunningStatistics?.Dispose();
    }
}

/// <summary>A batch size that nobody told the attacker.</summary>
/// <param name="Confidence">The attacker's probability that it is exactly this size, in [0,1].</param>
/// <param name="AtLeast">What the rank of the head's gradient proves.</param>
/// <param name="Reason">One sentence.</param>
public sealed record BatchEstimate(int Size, double Confidence, int AtLeast, string Reason);
