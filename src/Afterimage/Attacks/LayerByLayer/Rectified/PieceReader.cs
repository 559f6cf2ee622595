using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>Reads the pieces of a network one after the other, with their parameters and gradients.</summary>
internal sealed class PieceReader
{
    private readonly VictimModel model;
    private readonly Observation observation;
    private readonly bool train;
    private readonly LayerStatistics? statistics;
    private readonly Queue<Layer> layers;
    private long[] shape;

    public PieceReader(AttackContext context, Network network)
    {
        (model, observation) = (context.Model, context.Observation);
        train = observation.Training.Mode == ModelMode.Train;
        statistics = !train ? null : observation.BatchStatistics
            ?? observation.RunningStatistics?.Inferred(model, observation.BatchSize, observation.Training);
        layers = new(network.Layers.Where(layer => train || layer is not Dropout));
        shape = [network.Input.Channels, network.Input.Height, network.Input.Width];
    }

    /// <summary>What stands where none of the pieces that are known goes on.</summary>
    public string Rest => layers.TryPeek(out var other) && other is not (Linear or Flatten)
        ? $"has {other.GetType().Name} where none is foreseen" : "ends otherwise";

    /// <summary>All up to the head.</summary>
    /// <exception cref="AfterimageException">One cannot be read.</exception>
    public IReadOnlyList<RectifiedPiece> Pieces()
    {
        var pieces = new List<RectifiedPiece>();
        if (train && statistics is null && model.Buffers.Count > 0)
            throw new AfterimageException(
                "In train mode the recursion needs the statistics of the batch: reveal them, or use \"rectified-matching\".");
        while (layers.TryPeek(out var layer) && layer is Conv2d { Groups: 1 } or Residual)
        {
            RectifiedPiece? piece = Next<Residual>(layers) is { } residual ? Unit(residual) : Block(layers, shape);
            var rectified = Next<Activation>(layers) is { Kind: ActivationKind.ReLU };
            var pool = Next<MaxPool2d>(layers);
            var obstacle = piece is null ? "The recursion knows residuals of two convolutions with a ReLU between them, and this network " +
                    "has others: use \"deep-first\"."
                : !rectified ? "The recursion needs a ReLU behind every convolution, and one has none: use gradient matching."
                : pool is not null && piece is ResidualUnit
                    ? "The recursion cannot read a max pooling behind a residual: use gradient matching."
                : train && piece is ResidualUnit
                    ? "The recursion reads residual networks in eval mode only: use \"rectified-matching\"." : null;
            if (obstacle is not null)
                throw new AfterimageException(obstacle);
            if (piece is RectifiedBlock block && pool is not null)
                piece = block with { Pool = pool, Leaving = pool.Follow(block.Output) };
            pieces.Add(piece!);
            shape = piece!.Leaving;
        }
        return pieces;
    }

    /// <summary>The linear layers that are left behind the pieces; null where something else is.</summary>
    public LinearTail? Tail(bool averaged)
    {
        var spread = Next<AdaptiveAvgPool2d>(layers) is { } pool ? Spread(pool) : null;
        if (averaged != Next<GlobalAvgPool2d>(layers) is not null || Next<Flatten>(layers) is null
            || (spread is not null && !KeepsAll(spread)))
            return null;
        var stages = new List<Stage>();
        while (Next<Linear>(layers) is { } linear)
        {
            stages.Add(new(linear, [linear.Input], [linear.Output], Value(linear.Name + ".weight"),
                linear.Bias ? Value(linear.Name + ".bias") : null, Gradient(linear.Name + ".weight"),
                linear.Bias ? Gradient(linear.Name + ".bias") : null));
            if (layers.Count == 0)
                return new(stages[..^1], stages[^1], spread);
            if (Next<Activation>(layers) is not { Kind: ActivationKind.ReLU })
                return null;
        }
        return null;
    }

    /// <summary>What an adaptive pooling makes of one channel, [places before, places behind].</summary>
    private Tensor Spread(AdaptiveAvgPool2d pool)
    {
        var places = shape[1] * shape[2];
        var each = eye(places, dtype: ScalarType.Float64).reshape(places, 1, shape[1], shape[2]);
        return nn.functional.adaptive_avg_pool2d(each, [pool.Height, pool.Width]).flatten(1);
    }

    private static bool KeepsAll(Tensor spread)
    {
        var strengths = Factorization.SingularValues(spread, "The matrix of an adaptive pooling");
        return spread.shape[0] <= spread.shape[1] && (strengths.min() > 1e-6 * strengths.max()).ToBoolean();
    }

    private ResidualUnit? Unit(Residual residual)
    {
        var body = new Queue<Layer>(residual.Body.Where(layer => train || layer is not Dropout));
        var shortcut = new Queue<Layer>(residual.Shortcut);
        if (Block(body, shape) is not { } first || Next<Activation>(body) is not { Kind: ActivationKind.ReLU }
            || Block(body, first.Output) is not { } second)
            return null;
        var (padding, projection) = (Next<PaddedShortcut>(shortcut), Block(shortcut, shape));
        return body.Count + shortcut.Count == 0 && (padding is null || projection is null) ? new(first, second, padding, projection) : null;
    }

    /// <summary>A convolution and the BatchNorm behind it; null where none comes first.</summary>
    private RectifiedBlock? Block(Queue<Layer> from, long[] input)
    {
        if (from.TryPeek(out var next) && next is not Conv2d { Groups: 1 } || Next<Conv2d>(from) is not { } conv)
            return null;
        var norm = Next<BatchNorm2d>(from);
        var (scale, shift) = (ones([1, conv.Output, 1, 1], ScalarType.Float64), zeros([1, conv.Output, 1, 1], ScalarType.Float64));
        BatchCoupling? coupling = null;
        if (norm is not null)
        {
            var (average, variance) = (statistics ?? LayerStatistics.Running(model))[norm.Name];
            var spread = Channels((variance + norm.Epsilon).sqrt());
            scale = Channels(Value(norm.Name + ".weight")) / spread;
            shift = Channels(Value(norm.Name + ".bias")) - Channels(average) * scale;
            if (statistics is not null)
                coupling = new(
                    Channels(average), spread, Channels(Gradient(norm.Name + ".weight")), Channels(Gradient(norm.Name + ".bias")));
        }
        var output = conv.Follow(input);
        return new(conv, null, input, output, output, Value(conv.Name + ".weight"), conv.Bias ? Value(conv.Name + ".bias") : null,
            scale, shift, Gradient(conv.Name + ".weight"), coupling);
    }

    private static T? Next<T>(Queue<Layer> from) where T : Layer => from.TryPeek(out var next) && next is T ? (T)from.Dequeue() : null;

    private Tensor Value(string name) => Own(model.Parameters[model.Layout.IndexOf(name)].detach());

    private Tensor Gradient(string name) => Own(observation.Update[model.Layout.IndexOf(name)]);

    private static Tensor Channels(Tensor values) => Own(values).view(1, -1, 1, 1);

    private static Tensor Own(Tensor tensor) => tensor.to(ScalarType.Float64).cpu();
}
