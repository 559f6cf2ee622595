using Afterimage.Audit.Metrics;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>A client that holds images of a public data set and trains on them here.</summary>
public sealed record SimulatedClient : ClientSource
{
    public DataSource Data { get; init; } = new DeadLeaves();

    public int BatchSize { get; init; } = 1;

    /// <summary>Which labels the images of a batch have.</summary>
    public LabelMix Labels { get; init; } = LabelMix.Any;

    public LocalTraining Training { get; init; } = new FedSgd();

    /// <summary>
    /// Deviation of the Gaussian noise that the client adds to its update, relative to the root mean square of each parameter tensor's; 0 adds none.
    /// </summary>
    public double Noise { get; init; }

    /// <summary>These images of the data set, batch by batch, in place of a draw by the seed.</summary>
    public Seq<int>? Images { get; init; }

    public override ClientRound Open(ModelSource model, int trial, RandomSource random, Device device)
    {
        if (BatchSize < 1)
            throw new AfterimageException($"A client needs at least one image; its batch size is {BatchSize}.");
        if (!(Noise >= 0) || double.IsInfinity(Noise))
            throw new AfterimageException($"A client's noise is a deviation of 0 or more; it is {Noise}.");
        var images = Data.Open();
        var chosen = Choose(images, trial, random);
        var shown = chosen[trial].Select(index => images[index]).ToArray();
        var truth = new PrivateBatch(images.Shape, [.. shown.Select(image => image.Pixels)], shown.Select(image => image.Label).ToSeq(), images.ClassNames);
        var victim = model.Open(images.Shape, images.ClassNames.Count, random.Derive("model"), ScalarType.Float32, device);
        try
        {
            var update = Train(victim, truth, random.Derive("client", trial));
            var (batch, running) = Statistics(victim, truth);
            return new()
            {
                Model = victim,
                Update = update,
                Noise = Noise,
                BatchStatistics = batch,
                RunningStatistics = running,
                Training = Training,
                BatchSize = BatchSize,
                Labels = truth.Labels,
                Truth = truth,
                PublicImages = Public is null ? PublicImages(images, [.. chosen.SelectMany(batch => batch)], random) : PublicImages(Public, images.Shape, random),
                ClassNames = images.ClassNames,
            };
        }
        catch
        {
            victim.Dispose();
            throw;
        }
    }

    private GradientSet Train(VictimModel victim, PrivateBatch truth, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var targets = new Labels(truth.Labels, Enumerable.Repeat(1.0, BatchSize).ToSeq()).Targets(victim.Classes, victim.Type, victim.Device);
        var update = Training.Train(victim, Tensors.From(truth.Images, victim.Type, victim.Device), targets, random);
        if (Noise == 0)
            return update.To(victim.Type, victim.Device).Detach();
        using var generator = random.Derive("noise").Generator(CPU);
        return GradientSet.Gather(update.Layout, [.. update.Split().Select(part => part + Noise * part.square().mean().sqrt()
            * randn(part.shape, victim.Type, CPU, generator: generator).to(victim.Device))]).Detach();
    }

    /// <summary>What BatchNorm sees of the batch, and the running statistics after one step in train mode.</summary>
    private (LayerStatistics? Batch, LayerStatistics? Running) Statistics(VictimModel victim, PrivateBatch truth)
    {
        if (victim.Network is not { } network || victim.Buffers.Count == 0)
            return (null, null);
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var trace = new Trace();
        victim.Logits(Tensors.From(truth.Images, victim.Type, victim.Device), Training.Mode, trace: trace);
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
                : throw new AfterimageException($"{trial + 1} batches of {BatchSize} need {(trial + 1) * BatchSize} image numbers between 0 and {images.Count - 1}; \"images\" lists {given}.");
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
        var batch = new List<int>();
        var labels = new List<int>();
        for (var node = left.First; node is not null && batch.Count < BatchSize;)
        {
            var next = node.Next;
            var label = Labels == LabelMix.Any ? 0 : images[node.Value].Label;
            if (Labels == LabelMix.Any || labels.Count == 0 || labels.Contains(label) == (Labels == LabelMix.Same))
            {
                batch.Add(node.Value);
                labels.Add(label);
                left.Remove(node);
            }
            node = next;
        }
        return batch.Count == BatchSize ? [.. batch]
            : throw new AfterimageException($"{images.Name} has too few images for another batch of {BatchSize} with {(Labels == LabelMix.Distinct ? "distinct" : Labels == LabelMix.Same ? "equal" : "any")} labels: lower the batch size or the number of trials.");
    }
}

public enum LabelMix
{
    /// <summary>As they come.</summary>
    Any,

    /// <summary>No label twice.</summary>
    Distinct,

    /// <summary>All of one class.</summary>
    Same,
}
