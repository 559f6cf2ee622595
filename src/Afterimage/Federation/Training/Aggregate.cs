using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Several clients of whom the server sees only the mean update, weighted by their numbers of images (McMahan et al., 2017), as under
/// secure aggregation. An attack treats them as one larger batch: the images of the first client, then those of the second.
/// </summary>
[Cites("mcmahan2017communication")]
public sealed record Aggregate : LocalTraining
{
    /// <summary>Images of each client; their sum is the batch. Empty: every image has a client of its own.</summary>
    [Range(1, 65_536)]
    public ValueList<int> Sizes { get; init; } = [];

    /// <summary>What each client does, in the mode and with the loss of the aggregate.</summary>
    public LocalTraining Local { get; init; } = new FedSgd();

    /// <inheritdoc/>
    public override UpdateKind Kind => Local.Kind;

    // In eval mode a mean of mean gradients, weighted by images, is the mean gradient of all images.
    /// <inheritdoc/>
    public override string? Obstacle(VictimModel model) =>
        Client is FedSgd { Loss.Reduction: Reduction.Mean } && Mode == ModelMode.Eval ? Client.Obstacle(model)
        : "An aggregate adds up the training of several clients";

    /// <inheritdoc/>
    public override double GradientFactor(int batch) => Clients(batch).Sum(client => client.Share * Client.GradientFactor(client.Count));

    // Independent noise of weighted clients adds as squares.
    /// <inheritdoc/>
    public override Channel Way(int batch) => Client is DpSgd secret
        && Math.Sqrt(Clients(batch).Sum(client => Math.Pow(client.Share * secret.Deviation(client.Count), 2))) is > 0 and var deviation
            ? new NoiseChannel("DP-SGD's Gaussian", 0, deviation) : Channel.None;

    /// <inheritdoc/>
    public override int MaskRows(int batch) => Clients(batch).Sum(client => Client.MaskRows(client.Count));

    /// <inheritdoc/>
    public override GradientSet Train(VictimModel model, Batch batch, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var sum = zeros([model.Layout.Count], model.Type, model.Device);
        foreach (var (number, from, count, share) in Clients(batch.Count))
        {
            var sent = Client.Train(model, batch.Narrow(from, count), random.Derive("client", number));
            sum.add_(sent.Flat, alpha: share);
        }
        return new(model.Layout, sum.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto)
    {
        if (Obstacle(model) is null)
            return base.Operator(model, batch, choice);
        var operators = new Dictionary<int, ForwardOperator>();
        foreach (var (_, _, count, _) in Clients(batch))
            if (!operators.ContainsKey(count))
                operators.Add(count, Client.Operator(model, count, choice));
        return new AggregateOperator(
            [.. Clients(batch).Select(client => (operators[client.Count], client.From, client.Count, client.Share))])
        {
            Reason = $"{Clients(batch).Count} clients, each of them: {operators.Values.First().Reason}",
        };
    }

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices)
    {
        Tensor[]? sum = null;
        var row = 0L;
        foreach (var (_, from, count, share) in Clients(batch.Count))
        {
            var rows = Client.MaskRows(count);
            var own = new RandomChoices(null, choices.Masks?.narrow(0, row, rows));
            row += rows;
            var sent = Client.Update(model, batch.Narrow(from, count), own);
            sum = sum is null ? [.. sent.Select(part => part * share)] : [.. sum.Zip(sent, (left, right) => left + right * share)];
        }
        return sum!;
    }

    private LocalTraining Client => Local with { Mode = Mode, Loss = Loss };

    private List<(int Number, int From, int Count, double Share)> Clients(int batch)
    {
        var sizes = Sizes.Count == 0 ? Enumerable.Repeat(1, batch).ToArray() : [.. Sizes];
        if (sizes.Any(size => size < 1) || sizes.Sum() != batch)
            throw new AfterimageException($"An aggregate of clients with {Sizes} images does not make a batch of {batch}: give sizes " +
                "of at least 1 whose sum is the batch size, or none for one image each.");
        var clients = new List<(int, int, int, double)>();
        var from = 0;
        foreach (var size in sizes)
        {
            clients.Add((clients.Count, from, size, (double)size / batch));
            from += size;
        }
        return clients;
    }
}
