using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>A client that holds images of a public data set and trains on them here.</summary>
public sealed record SimulatedClient : ClientSource
{
    /// <summary>The data set that the client's images are drawn from.</summary>
    public DataSource Data { get; init; } = new DeadLeaves();

    /// <summary>Images in the client's batch.</summary>
    [Range(1, 65_536)]
    public int BatchSize { get; init; } = 1;

    /// <summary>Which labels the images of a batch have.</summary>
    public LabelMix Labels { get; init; } = LabelMix.Any;

    /// <summary>What the client does to its images and labels before it trains.</summary>
    public LabelMixing Mixing { get; init; } = new();

    /// <summary>How the client trains on its batch.</summary>
    public LocalTraining Training { get; init; } = new FedSgd();

    /// <summary>What the client does to its update before it sends it.</summary>
    public Defense Defense { get; init; } = new None();

    /// <summary>Rounds in which the client trains on the same batch, and which the attacker reads jointly.</summary>
    [Range(1, 1000)]
    public int Rounds { get; init; } = 1;

    /// <summary>
    /// Clients with other images of the data set whose updates move the model between two rounds, together with this one's.
    /// </summary>
    [Range(0, 1000)]
    public int OtherClients { get; init; } = 3;

    /// <summary>Step size of the server between two rounds: along the mean of weight differences, against the mean of gradients.</summary>
    [Range(0, 1e6)]
    public double ServerRate { get; init; } = 0.1;

    /// <summary>These images of the data set, batch by batch, in place of a draw by the seed.</summary>
    [Range(0, int.MaxValue)]
    public ValueList<int>? Images { get; init; }

    /// <inheritdoc/>
    public override int? ExpectedBatch() => BatchSize;

    /// <inheritdoc/>
    public override ClientRound Open(
        ModelSource model, int trial, RandomSource random, Device device, Action<Phase>? watch = null)
    {
        Settings.Check(this);
        watch?.Invoke(new("opens the data"));
        _ = Defense.Known();
        var images = Data.Open();
        var chosen = Choose(images, trial, random);
        var shown = chosen[trial].Select(index => images[index]).ToArray();
        var truth = Mixing.Apply(images, shown, random.Derive("mixing", trial));
        watch?.Invoke(new("opens the model"));
        var victim = model.Open(images.Shape, images.ClassNames.Count, random.Derive("model"), ScalarType.Float32, device);
        try
        {
            watch?.Invoke(new("trains the client"));
            GradientSet Earlier(int back) => Sum(victim, EarlierBatch(images, chosen, trial, back, random),
                random.Derive("client", trial).Derive("earlier", back)).Detach();
            var (update, later) = Sent(victim, images, truth, [.. chosen.SelectMany(batch => batch)], trial, random, Earlier);
            var channel = DefenseChain.Joined(Training.Way(BatchSize), Defense.Known(victim));
            var (batch, running) = Statistics(victim, truth);
            watch?.Invoke(new("opens public images"));
            return new()
            {
                Model = victim,
                Update = update,
                Channel = StackedChannel.Of(PartialUpdate.Of(channel, victim.Layout, victim.Frozen), victim.Layout, Rounds),
                Later = later,
                BatchStatistics = batch,
                RunningStatistics = running,
                Training = Training,
                BatchSize = BatchSize,
                Labels = truth.Labels,
                Truth = truth,
                PublicImages = Public is null
                    ? PublicImages(images, [.. chosen.SelectMany(batch => batch)], random) : PublicImages(Public, images.Shape, random),
                KnownImages = Public is not null ? Known(Public.Open())
                    : Data is DeadLeaves ? null : Known(new OtherImages(images, chosen.SelectMany(batch => batch))),
                ClassNames = images.ClassNames,
            };
        }
        catch
        {
            victim.Dispose();
            throw;
        }
    }

    /// <summary>What the client sends in all its rounds, and the models of the later ones; other clients help to move the model.</summary>
    private (GradientSet Update, LaterRounds? Later) Sent(
        VictimModel victim, ImageSet images, PrivateBatch truth, int[] hidden, int trial, RandomSource random,
        Func<int, GradientSet> earlier)
    {
        var chance = random.Derive("client", trial);
        var first = Train(victim, truth, chance, earlier);
        if (Rounds == 1)
            return (first, null);
        var (updates, models) = (new List<GradientSet> { first }, new List<VictimModel>());
        var free = Enumerable.Range(0, images.Count).Except(hidden).ToArray();
        if (free.Length < OtherClients * BatchSize)
            throw new AfterimageException($"{images.Name} has {free.Length} images beside the client's; {OtherClients} other clients of " +
                $"{BatchSize} need {OtherClients * BatchSize}: lower otherClients or batchSize.");
        for (var round = 1; round < Rounds; round++)
        {
            var (before, after) = (models.Count == 0 ? victim : models[^1], victim.To(victim.Type, victim.Device));
            models.Add(after);
            using var scope = Tidy.Scope();
            var sum = updates[^1].Flat.clone();
            random.Derive("others", round).Managed().Shuffle(free);
            for (var other = 0; other < OtherClients; other++)
            {
                var held = free.Skip(other * BatchSize).Take(BatchSize).Select(index => images[index]).ToArray();
                using var sent = Train(before, Mixing.Apply(images, held, chance.Derive("mixing", round).Derive("other", other)),
                    chance.Derive($"other {other}", round), earlier);
                sum.add_(sent.Flat);
            }
            Move(before, after, new(victim.Layout, sum / (1 + OtherClients)));
            updates.Add(Train(after, truth, chance.Derive("round", round), earlier));
        }
        using var all = Tidy.Scope();
        var stacked = LaterRounds.Stack(updates).Detach();
        updates.ForEach(update => update.Dispose());
        return (stacked, new(models));
    }

    private void Move(VictimModel before, VictimModel after, GradientSet mean)
    {
        using var _ = no_grad();
        var step = mean.Scale(Training.Kind == UpdateKind.Gradient ? -ServerRate : ServerRate);
        foreach (var ((from, to), change) in before.Parameters.Zip(after.Parameters).Zip(step.Split()))
            to.copy_(from + change);
    }

    private GradientSet Train(VictimModel victim, PrivateBatch truth, RandomSource random, Func<int, GradientSet> earlier)
    {
        using var scope = Tidy.Scope();
        var update = Sum(victim, truth, random);
        var round = new LocalRound(victim, Batch(victim, truth), Training, earlier);
        return Defense.Protect(update, random, round).To(victim.Type, victim.Device).Detach();
    }

    /// <summary>What local training makes of a batch, before any defense.</summary>
    private GradientSet Sum(VictimModel victim, PrivateBatch truth, RandomSource random)
    {
        var update = Training.Train(victim, Batch(victim, truth), random);
        foreach (var frozen in victim.Frozen)
            update[victim.Layout.IndexOf(frozen)].zero_();
        return update;
    }

    private Batch Batch(VictimModel victim, PrivateBatch truth)
    {
        var labels = new Labels(truth.Labels, Enumerable.Repeat(1.0, BatchSize).ToValueList()) { Soft = truth.Soft };
        return new(Tensors.From(truth.Trained, victim.Type, victim.Device), labels.Targets(victim.Classes, victim.Type, victim.Device));
    }

    /// <summary>Other images of the data set, none of them of the observed round.</summary>
    private PrivateBatch EarlierBatch(ImageSet images, List<int[]> chosen, int trial, int back, RandomSource random)
    {
        var others = Enumerable.Range(0, images.Count).Except(chosen[trial]).ToArray();
        if (others.Length < BatchSize)
            throw new AfterimageException($"{images.Name} has too few images for earlier rounds of a batch of {BatchSize}: " +
                "set the rounds of the defense to 0, or use a larger data set.");
        random.Derive("earlier", trial).Derive("round", back).Managed().Shuffle(others);
        return Mixing.Apply(images, [.. others.Take(BatchSize).Select(index => images[index])], random.Derive("earlier mixing", back));
    }

    /// <summary>What BatchNorm sees of the batch, and the running statistics after one step in train mode.</summary>
    private (LayerStatistics? Batch, LayerStatistics? Running) Statistics(VictimModel victim, PrivateBatch truth)
    {
        if (victim.Network is not { } network || victim.Buffers.Count == 0)
            return (null, null);
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var trace = new Trace();
        victim.Logits(Tensors.From(truth.Trained, victim.Type, victim.Device), Training.Mode, trace: trace);
        var seen = LayerStatistics.Of(trace);
        var after = Training is FedSgd { Mode: ModelMode.Train } ? LayerStatistics.Running(victim).After(seen, network, BatchSize) : null;
        return (seen.Detach(), after?.Detach());
    }

    // Batches up to the wanted trial, drawn one after the other from one permutation, so that no two share an image.
    private List<int[]> Choose(ImageSet images, int trial, RandomSource random)
    {
        if (Images is { } given)
            return given.Count >= (trial + 1) * BatchSize && given.All(index => index >= 0 && index < images.Count)
                ? [.. given.Chunk(BatchSize)]
                : throw new AfterimageException($"{trial + 1} batches of {BatchSize} need {(trial + 1) * BatchSize} image numbers " +
                    $"between 0 and {images.Count - 1}; \"images\" lists {given}.");
        var order = Enumerable.Range(0, images.Count).ToArray();
        random.Derive("images").Managed().Shuffle(order);
        var left = new LinkedList<int>(order);
        var batches = new List<int[]>();
        while (batches.Count <= trial)
            batches.Add(Take(images, left));
        return batches;
    }

    private int[] Take(ImageSet images, LinkedList<int> left)
    {
        var wanted = Labels.Wanted(BatchSize, left.Select(index => images[index].Label));
        var batch = new int[BatchSize];
        for (var i = 0; i < BatchSize; i++)
        {
            var node = left.First;
            while (node is not null && wanted?[i] is { } label && images[node.Value].Label != label)
                node = node.Next;
            if (node is null)
                throw new AfterimageException($"{images.Name} has too few images for another batch of {BatchSize} with " +
                    $"{Labels.Words()} labels: lower the batch size or the number of trials.");
            batch[i] = node.Value;
            left.Remove(node);
        }
        return batch;
    }
}
