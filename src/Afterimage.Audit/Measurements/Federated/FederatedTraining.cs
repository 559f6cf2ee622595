using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// The training of one federation, round by round: every client trains on the next images of its own, defends its update and sends it; the
/// server moves the model by the mean, weighted by images.
/// </summary>
internal sealed class FederatedTraining : IDisposable
{
    private const int TestBatch = 250;

    private readonly FederationSettings settings;
    private readonly SimulatedClient client;
    private readonly RandomSource random;
    private readonly int[][] queues;
    private readonly int[] next;
    private readonly Tensor images, test, velocity;
    private readonly int[] labels;
    private readonly Dictionary<int, int> places = [];
    private readonly int[] testLabels;

    /// <param name="model">The untrained model, which the training changes and does not own.</param>
    /// <param name="data">The data set.</param>
    /// <param name="split">Who holds which of its images.</param>
    /// <param name="client">How clients train and defend.</param>
    /// <param name="settings">The federation.</param>
    /// <param name="random">Decides orders, dropout and the defenses' noise.</param>
    public FederatedTraining(VictimModel model, ImageSet data, ClientSplit split, SimulatedClient client, FederationSettings settings,
        RandomSource random)
    {
        (Model, this.client, this.settings, this.random) = (model, client, settings, random);
        using var scope = Tidy.Scope();
        int[] all = [.. split.Clients.SelectMany(part => part)];
        foreach (var (place, image) in all.Index())
            places.Add(image, place);
        (images, labels) = Read(data, all);
        (test, testLabels) = Read(data, split.Test);
        velocity = zeros([model.Layout.Count], model.Type, model.Device).DetachFromDisposeScope();
        queues = [.. split.Clients.Select((part, number) =>
        {
            int[] queue = [.. part];
            random.Derive("order", number).Managed().Shuffle(queue);
            return queue;
        })];
        next = new int[queues.Length];
    }

    /// <summary>The model as trained so far.</summary>
    public VictimModel Model { get; }

    /// <summary>Rounds so far.</summary>
    public int Rounds { get; private set; }

    /// <summary>One round of all clients.</summary>
    public void Round(CancellationToken cancellation)
    {
        using var scope = Tidy.Scope();
        var size = settings.ClientBatch ?? client.BatchSize;
        var sum = zeros_like(velocity);
        var statistics = new List<LayerStatistics>();
        for (var number = 0; number < queues.Length; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = Tidy.Scope();
            var batch = Next(number, size);
            var chance = random.Derive($"round {Rounds}", number);
            var update = client.Training.Train(Model, batch, chance);
            foreach (var frozen in Model.Frozen)
                update[Model.Layout.IndexOf(frozen)].zero_();
            sum.add_(client.Defense.Protect(update, chance).Flat.to(Model.Type, Model.Device), alpha: 1.0 / queues.Length);
            if (Statistics(batch) is { } seen)
                statistics.Add(seen);
        }
        Move(sum);
        Follow(statistics);
        Rounds++;
    }

    /// <summary>The share of test images that the model names rightly, in inference mode.</summary>
    public double Accuracy()
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var right = 0L;
        for (var from = 0; from < testLabels.Length; from += TestBatch)
        {
            using var inner = Tidy.Scope();
            var count = Math.Min(TestBatch, testLabels.Length - from);
            var named = Model.Logits(test.narrow(0, from, count)).argmax(1).cpu();
            right += named.eq(tensor(testLabels[from..(from + count)].Select(label => (long)label).ToArray())).sum().ToInt64();
        }
        return (double)right / testLabels.Length;
    }

    /// <summary>What the server does with the mean of the updates: a step along it, or against a gradient.</summary>
    private void Move(Tensor mean)
    {
        using var _ = no_grad();
        var isGradient = client.Training.Kind == UpdateKind.Gradient;
        var rate = settings.ServerRate ?? (isGradient ? 0.1 : 1);
        velocity.mul_(settings.ServerMomentum).add_(mean);
        var step = new GradientSet(Model.Layout, velocity * (isGradient ? -rate : rate));
        foreach (var (parameter, change) in Model.Parameters.Zip(step.Split()))
            parameter.add_(change);
    }

    /// <summary>The running statistics after a client's round in train mode; null where the round leaves them alone.</summary>
    private LayerStatistics? Statistics(Batch batch)
    {
        if (client.Training.Mode != ModelMode.Train || Model.Network is not { } network || Model.Buffers.Count == 0)
            return null;
        using var _ = no_grad();
        var trace = new Trace();
        Model.Logits(batch.Inputs, ModelMode.Train, trace: trace);
        return LayerStatistics.Running(Model).After(LayerStatistics.Of(trace), network, batch.Count).Detach();
    }

    /// <summary>The server's running statistics become the mean of the clients'.</summary>
    private void Follow(List<LayerStatistics> statistics)
    {
        if (statistics.Count == 0)
            return;
        using var _ = no_grad();
        foreach (var name in statistics[0].Names)
        {
            Mean(Model.Buffers[name + LayerStatistics.MeanSuffix], statistics.Select(one => one[name].Mean));
            Mean(Model.Buffers[name + LayerStatistics.VarianceSuffix], statistics.Select(one => one[name].Variance));
        }
        foreach (var one in statistics)
            one.Dispose();
    }

    private static void Mean(Tensor buffer, IEnumerable<Tensor> values)
    {
        Tensor[] all = [.. values];
        buffer.zero_();
        foreach (var value in all)
            buffer.add_(value, alpha: 1.0 / all.Length);
    }

    /// <summary>A client's next images, from the beginning again where it has no more; fewer where it holds fewer.</summary>
    private Batch Next(int number, int size)
    {
        var queue = queues[number];
        var count = Math.Min(size, queue.Length);
        var rows = Enumerable.Range(0, count).Select(step => (long)places[queue[(next[number] + step) % queue.Length]]).ToArray();
        next[number] = (next[number] + count) % queue.Length;
        var known = new Labels(rows.Select(row => labels[row]).ToValueList(), Enumerable.Repeat(1.0, count).ToValueList());
        return new(images.index_select(0, tensor(rows, device: images.device)), known.Targets(Model.Classes, Model.Type, Model.Device));
    }

    private (Tensor Images, int[] Labels) Read(ImageSet data, int[] which)
    {
        var found = which.Select(index => data[index]).ToArray();
        var batch = new ImageBatch(data.Shape, found.Select(image => image.Pixels));
        return (Tensors.From(batch, Model.Type, Model.Device).DetachFromDisposeScope(), [.. found.Select(image => image.Label)]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        images.Dispose();
        test.Dispose();
        velocity.Dispose();
    }
}
