using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// What the recursion through ReLU sees of a network: convolutions with ReLU and max pooling and residual units, then linear layers.
/// </summary>
/// <param name="Pieces">From the image on, as far as they are known.</param>
/// <param name="Adaptive">A pooling in front of the linear layers that keeps everything; null for none.</param>
/// <param name="Linears">The linear layers behind the pieces, with ReLU between them; empty where the network ends otherwise.</param>
/// <param name="Obstacle">Why the whole network cannot be read, one sentence; null where it can.</param>
internal sealed record ChainForm(
    IReadOnlyList<PieceForm> Pieces, AdaptiveAvgPool2d? Adaptive, IReadOnlyList<Linear> Linears, string? Obstacle)
{
    public bool IsResidual => Pieces.Count > 0 && Pieces[^1] is UnitForm;

    /// <param name="network">Any.</param>
    /// <param name="train">Whether it runs in train mode.</param>
    /// <param name="joint">Whether all images of a batch are solved for at once, so that the statistics of residuals follow.</param>
    public static ChainForm Of(Network network, bool train, bool joint = false) => new Reader(network, train, joint).Read();

    /// <summary>What an adaptive pooling makes of one channel, [places before, places behind].</summary>
    public static Tensor Spread(AdaptiveAvgPool2d pool, long[] shape)
    {
        var places = shape[1] * shape[2];
        var each = eye(places, dtype: ScalarType.Float64).reshape(places, 1, shape[1], shape[2]);
        return nn.functional.adaptive_avg_pool2d(each, [pool.Height, pool.Width]).flatten(1);
    }

    private sealed class Reader(Network network, bool train, bool joint)
    {
        private readonly Queue<Layer> layers = new(network.Layers.Where(layer => train || layer is not Dropout));
        private readonly List<PieceForm> pieces = [];
        private long[] shape = [network.Input.Channels, network.Input.Height, network.Input.Width];

        public ChainForm Read()
        {
            if (Pieces() is { } obstacle)
                return new(pieces, null, [], obstacle);
            var rest = layers.TryPeek(out var other) && other is not (Linear or Flatten)
                ? $"has {other.GetType().Name} where none is foreseen" : "ends otherwise";
            var (adaptive, linears) = Tail(pieces.Count > 0 && pieces[^1] is UnitForm);
            var blocks = pieces.SelectMany(piece => piece is UnitForm unit ? unit.All : [(BlockForm)piece]).ToList();
            if (blocks.Any(block => block.Groups is not null) && blocks.Any(block => block.Groups is null))
                return new(pieces, null, [], "The recursion reads GroupNorm where it stands behind every convolution, and in this " +
                    "network some have none: use \"deep-first\".");
            var fits = linears.Count > 0 && pieces.Count > 0 && pieces[0] is BlockForm
                && pieces.SkipWhile(piece => piece is BlockForm).All(piece => piece is UnitForm);
            return new(pieces, adaptive, linears, fits ? null
                : "The recursion needs convolutions with ReLU and max pooling flattened into linear layers, or residuals averaged into " +
                    $"them, and this network {rest}: use gradient matching.");
        }

        /// <summary>All up to the head; what stands against one, or null.</summary>
        private string? Pieces()
        {
            while (layers.TryPeek(out var layer) && layer is Conv2d { Groups: 1 } or Residual)
            {
                PieceForm? piece = Next<Residual>(layers) is { } residual ? Unit(residual) : Block(layers, shape);
                var rectified = Next<Activation>(layers) is { Kind: ActivationKind.ReLU };
                var pool = Next<MaxPool2d>(layers);
                var obstacle = piece is null
                    ? "The recursion knows residuals of convolutions with a ReLU between them, and this network has others: " +
                        "use \"deep-first\"."
                    : piece is UnitForm { All: var all } && all.Any(IsPlain) || piece is BlockForm own && IsPlain(own)
                        ? "The recursion reads GroupNorm with a scale and a shift of each channel, and one has none: use \"deep-first\"."
                    : !rectified ? "The recursion needs a ReLU behind every convolution, and one has none: use gradient matching."
                    : pool is not null && piece is UnitForm
                        ? "The recursion cannot read a max pooling behind a residual: use gradient matching."
                    : train && !joint && piece is UnitForm unit && unit.All.Any(block => block.Norm is not null)
                        ? "The recursion reads residual networks in eval mode only: use \"rectified-matching\"." : null;
                if (obstacle is not null)
                    return obstacle;
                piece = piece is BlockForm block ? block with { Pool = pool } : piece;
                pieces.Add(piece!);
                shape = piece!.Leaving;
            }
            return null;
        }

        private (AdaptiveAvgPool2d? Adaptive, IReadOnlyList<Linear> Linears) Tail(bool averaged)
        {
            var adaptive = Next<AdaptiveAvgPool2d>(layers);
            if (averaged != Next<GlobalAvgPool2d>(layers) is not null || Next<Flatten>(layers) is null
                || (adaptive is not null && !KeepsAll(Spread(adaptive, shape))))
                return (null, []);
            var linears = new List<Linear>();
            while (Next<Linear>(layers) is { } linear)
            {
                linears.Add(linear);
                if (layers.Count == 0)
                    return (adaptive, linears);
                if (Next<Activation>(layers) is not { Kind: ActivationKind.ReLU })
                    break;
            }
            return (null, []);
        }

        private static bool KeepsAll(Tensor spread)
        {
            var strengths = Factorization.SingularValues(spread, "The matrix of an adaptive pooling");
            return spread.shape[0] <= spread.shape[1] && (strengths.min() > 1e-6 * strengths.max()).ToBoolean();
        }

        private static bool IsPlain(BlockForm block) => block.Groups is { Affine: false };

        private UnitForm? Unit(Residual residual)
        {
            var body = new Queue<Layer>(residual.Body.Where(layer => train || layer is not Dropout));
            var shortcut = new Queue<Layer>(residual.Shortcut);
            var blocks = new List<BlockForm>();
            for (var input = shape; Block(body, input) is { } block; input = block.Output)
            {
                blocks.Add(block);
                if (Next<Activation>(body) is not { Kind: ActivationKind.ReLU })
                    break;
            }
            var (padding, projection) = (Next<PaddedShortcut>(shortcut), Block(shortcut, shape));
            return blocks.Count > 1 && body.Count + shortcut.Count == 0 && residual.Body[^1] is not Activation
                && (padding is null || projection is null)
                ? new(blocks[0], blocks[^1], padding, projection) { Between = blocks[1..^1] } : null;
        }

        /// <summary>A convolution and the normalization behind it; null where none comes first.</summary>
        private static BlockForm? Block(Queue<Layer> from, long[] input) =>
            from.TryPeek(out var next) && next is not Conv2d { Groups: 1 } || Next<Conv2d>(from) is not { } conv ? null
                : new(conv, Next<BatchNorm2d>(from), null, input) { Groups = Next<GroupNorm>(from) };

        private static T? Next<T>(Queue<Layer> from) where T : Layer =>
            from.TryPeek(out var next) && next is T ? (T)from.Dequeue() : null;
    }
}
