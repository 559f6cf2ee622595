using Afterimage.Attacks.ClosedForm;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks.Rectified;

/// <summary>A network of <see cref="RectifiedBlock"/>s and a linear head, with the gradient of one image, in double precision on the CPU.</summary>
internal sealed class RectifiedChain
{
    private readonly Tensor mean;
    private readonly Tensor deviation;

    private RectifiedChain(VictimModel model, IReadOnlyList<RectifiedBlock> blocks, Stage head)
    {
        mean = tensor(model.Normalization.Mean.ToArray()).view(1, -1, 1, 1);
        deviation = tensor(model.Normalization.Std.ToArray()).view(1, -1, 1, 1);
        (Blocks, Head) = (blocks, head);
    }

    public IReadOnlyList<RectifiedBlock> Blocks { get; }

    public Stage Head { get; }

    /// <summary>Network inputs for images in [0,1].</summary>
    public Tensor Normalize(Tensor images) => (images - mean.to(images.dtype)) / Deviation(images);

    public Tensor Denormalize(Tensor inputs) => inputs * deviation + mean;

    /// <summary>Of the client's normalization, [1,C,1,1], in the precision of some tensor.</summary>
    public Tensor Deviation(Tensor like) => deviation.to(like.dtype);

    /// <summary>Null when the network or the round is of another kind; the obstacle says why.</summary>
    public static RectifiedChain? Of(AttackContext context, out string obstacle)
    {
        var observation = context.Observation;
        obstacle = "";
        if (observation.BatchSize != 1)
            obstacle = $"The recursion reads one image, but the batch has {observation.BatchSize}: use \"rectified-matching\".";
        else if (observation.Training is not FedSgd)
            obstacle = "The recursion reads a single gradient, and this client makes several steps: use gradient matching.";
        else if (context.Model.Network is not { } network)
            obstacle = "The recursion needs a network of known layers: use gradient matching.";
        else if (!observation.Update.Flat.isfinite().all().ToBoolean())
            obstacle = "The update has values that are not finite: the client's training diverged, so there is nothing to read.";
        else
            return Open(context, network, out obstacle);
        return null;
    }

    private static RectifiedChain? Open(AttackContext context, Network network, out string obstacle)
    {
        var train = context.Observation.Training.Mode == ModelMode.Train;
        var statistics = train ? BatchStatistics(context) : null;
        var reader = new Parameters(context, statistics);
        var layers = new Queue<Layer>(network.Layers.Where(layer => train || layer is not Dropout));
        long[] shape = [network.Input.Channels, network.Input.Height, network.Input.Width];
        var blocks = new List<RectifiedBlock>();
        obstacle = "";
        while (layers.TryPeek(out var layer) && layer is Conv2d { Groups: 1 } conv)
        {
            layers.Dequeue();
            var norm = Next<BatchNorm2d>(layers);
            if (norm is not null && train && statistics is null)
                obstacle = "In train mode the recursion needs the statistics of the batch: reveal them, or use \"rectified-matching\".";
            if (Next<Activation>(layers) is not { Kind: ActivationKind.ReLU })
                obstacle = $"The recursion needs a ReLU behind every convolution, and {conv.Name} has none: use gradient matching.";
            var pool = Next<MaxPool2d>(layers);
            if (pool is { Padding: > 0 })
                obstacle = "The recursion cannot read a max pooling with padding: use gradient matching.";
            if (obstacle.Length > 0)
                return null;
            var output = conv.Follow(shape);
            var leaving = pool?.Follow(output) ?? output;
            blocks.Add(reader.Block(conv, norm, pool, shape, output, leaving));
            shape = leaving;
        }
        var flatten = Next<Flatten>(layers) is not null;
        if (blocks.Count > 0 && flatten && layers.Count == 1 && layers.Peek() is Linear head)
            return new(context.Model, blocks, reader.Head(head));
        obstacle = "The recursion needs convolutions with ReLU and max pooling, flattened into one linear head, and this network " +
            $"{(layers.TryPeek(out var other) ? $"has {other.GetType().Name} where none is foreseen" : "ends otherwise")}: use gradient matching.";
        return null;
    }

    private static T? Next<T>(Queue<Layer> layers) where T : Layer =>
        layers.TryPeek(out var next) && next is T ? (T)layers.Dequeue() : null;

    private static LayerStatistics? BatchStatistics(AttackContext context) => context.Observation.BatchStatistics
        ?? context.Observation.RunningStatistics?.Inferred(context.Model, context.Observation.BatchSize, context.Observation.Training);

    private sealed class Parameters(AttackContext context, LayerStatistics? statistics)
    {
        private readonly VictimModel model = context.Model;

        public RectifiedBlock Block(Conv2d conv, BatchNorm2d? norm, MaxPool2d? pool, long[] input, long[] output, long[] leaving)
        {
            var (scale, shift) = (ones([1, conv.Output, 1, 1], ScalarType.Float64), zeros([1, conv.Output, 1, 1], ScalarType.Float64));
            BatchCoupling? coupling = null;
            if (norm is not null)
            {
                var (average, variance) = (statistics ?? LayerStatistics.Running(model))[norm.Name];
                var spread = Channels((variance + norm.Epsilon).sqrt());
                scale = Channels(Value(norm.Name + ".weight")) / spread;
                shift = Channels(Value(norm.Name + ".bias")) - Channels(average) * scale;
                if (statistics is not null)
                    coupling = new(Channels(average), spread, Channels(Gradient(norm.Name + ".weight")), Channels(Gradient(norm.Name + ".bias")));
            }
            return new(conv, pool, input, output, leaving, Value(conv.Name + ".weight"), conv.Bias ? Value(conv.Name + ".bias") : null,
                scale, shift, Gradient(conv.Name + ".weight"), coupling);
        }

        public Stage Head(Linear head) => new(head, [head.Input], [head.Output], Value(head.Name + ".weight"),
            head.Bias ? Value(head.Name + ".bias") : null, Gradient(head.Name + ".weight"), head.Bias ? Gradient(head.Name + ".bias") : null);

        private Tensor Value(string name) => Own(model.Parameters[model.Layout.IndexOf(name)].detach());

        private Tensor Gradient(string name) => Own(context.Observation.Update[model.Layout.IndexOf(name)]);

        private static Tensor Channels(Tensor values) => Own(values).view(1, -1, 1, 1);

        private static Tensor Own(Tensor tensor) => tensor.to(ScalarType.Float64).cpu();
    }
}
