namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The input of a layer with max pooling. What leaves tells the maxima and their dL/dz, but not their places. With P_c the weights of the
/// places in each window of channel c, dL/dW_c = sum over windows of d (sum over places P_c patch): bilinear in P and in the input, and
/// far overdetermined where windows are few and channels many. The two are fitted in turn, from the mean of procedural images, under an
/// error that shrinks from round to round; then every P becomes its largest place. A residual at the rounding of the update proves the result.
/// </summary>
internal sealed class PooledLayer
{
    private const double Exact = 1e-5;

    // How far below zero weights and inputs are let go.
    private const double Slack = 0.05;

    private readonly RectifiedBlock block;
    private readonly Tensor target;
    private readonly Tensor byChannel;
    private readonly Tensor places;
    private readonly Tensor contrasts;
    private readonly Tensor windows;
    private readonly Tensor signals;
    private readonly Tensor strengths;
    private readonly Tensor mean;
    private readonly Tensor precision;
    private readonly long size;
    private readonly double level;

    private Tensor weights;
    private Tensor input;
    private Tensor? coupled;

    /// <param name="block">With pooling.</param>
    /// <param name="output">What leaves, [1,*Leaving].</param>
    /// <param name="signal">dL/d output.</param>
    /// <param name="mean">Of plausible inputs, [1,*Input].</param>
    /// <param name="variance">Of plausible inputs.</param>
    public PooledLayer(RectifiedBlock block, Tensor output, Tensor signal, Tensor mean, Tensor variance)
    {
        (this.block, size) = (block, block.Pool!.Kernel * block.Pool.Kernel);
        var (channels, cells) = (block.Conv.Output, block.Leaving[1] * block.Leaving[2]);
        target = block.Target;
        byChannel = block.WeightGradient.reshape(channels, -1);
        level = target.square().mean().sqrt().ToDouble();
        places = Places(block);
        windows = eye(cells, cells, ScalarType.Float64).repeat_interleave(size, 0);
        var centered = eye(size, size, ScalarType.Float64) - 1.0 / size;
        contrasts = kron(eye(cells, cells, ScalarType.Float64), linalg.svd(centered).U.narrow(1, 0, size - 1).contiguous());
        var known = (signal * (output > 1e-6 * output.max()).to(signal.dtype) * block.Scale).reshape(channels, cells);
        signals = known.repeat_interleave(size, 1);
        strengths = known.repeat_interleave(size - 1, 1);
        this.mean = mean.reshape(block.Input[0], -1);
        precision = 1 / (variance.reshape(block.Input[0], -1) + 1e-3 * variance.mean());
        (weights, input) = (zeros_like(signals), this.mean.clone());
    }

    public LayerInput Solve()
    {
        LayerInput? best = null;
        foreach (var (rounds, fall, spread) in new[] { (60, 0.85, 1.0), (120, 0.93, 0.3), (120, 0.93, 3.0) })
        {
            var found = Attempt(rounds, fall, spread);
            if (best is null || found.Residual < best.Residual)
                best = found;
            if (best.Residual < Exact)
                break;
        }
        return best!;
    }

    private LayerInput Attempt(int rounds, double fall, double spread)
    {
        weights = full_like(signals, 1.0 / size);
        input = mean.clone();
        coupled = Coupled();
        var (error, even) = (Residual() * level, ones(block.Conv.Output, ScalarType.Float64));
        for (var round = 0; round < rounds; round++)
        {
            Place(error, even);
            Weigh(error, spread);
            error = Math.Max(error * fall, Exact * level);
        }
        return Harden();
    }

    /// <summary>One place for each maximum; channels count by how well they fit, so that wrong places do no harm to others.</summary>
    private LayerInput Harden()
    {
        LayerInput? best = null;
        for (var round = 0; round < 15; round++)
        {
            var cells = weights.shape[1] / size;
            weights = nn.functional.one_hot(weights.reshape(-1, cells, size).argmax(2), size).to(ScalarType.Float64).reshape(weights.shape);
            var before = double.PositiveInfinity;
            for (var pass = 0; pass < 30; pass++)
            {
                Place(1e-6 * level, Trust());
                var residual = Residual();
                if (pass > 2 && residual > 0.5 * before)
                    break;
                before = residual;
            }
            if (best is null || before < best.Residual)
                best = new(input.reshape([1, .. block.Input]).clone(), Signal().reshape([1, .. block.Output]), Residual());
            if (best.Residual < Exact)
                break;
            Weigh(1e-3 * level, 3);
        }
        return best!;
    }

    /// <summary>The input for the weights as they are.</summary>
    /// <param name="error">Expected in one number of dL/dW.</param>
    /// <param name="trust">In each output channel, at most 1.</param>
    private void Place(double error, Tensor trust)
    {
        input = Tidy.Keep(() =>
        {
            var system = block.System(Signal().reshape([1, .. block.Output]));
            var trusted = system * trust.repeat_interleave(system.shape[0] / trust.shape[0], 0).unsqueeze(1);
            var below = (input < 0).to(ScalarType.Float64) * precision / (Slack * Slack);
            var normal = (system.t().matmul(trusted) / (error * error)).unsqueeze(0) + diag_embed(precision + below);
            var open = trusted.t().matmul(target - system.matmul(mean.t())).t() / (error * error) - below * mean;
            return mean + linalg.solve(normal, open.unsqueeze(2)).squeeze(2);
        });
        coupled = Coupled();
    }

    /// <summary>The weights of the places for the input as it is.</summary>
    private void Weigh(double error, double spread) => weights = Tidy.Keep(() =>
    {
        var all = block.Patches(input.reshape([1, .. block.Input]));
        var patches = all.index_select(1, places);
        var along = patches.matmul(contrasts);
        var below = (weights < 0).to(ScalarType.Float64) / (Slack * Slack);
        var stiffness = (contrasts.t().unsqueeze(0) * (below + 1 / (spread * spread)).unsqueeze(1)).matmul(contrasts);
        var gram = along.t().matmul(along) / (error * error);
        var normal = strengths.unsqueeze(2) * gram.unsqueeze(0) * strengths.unsqueeze(1) + stiffness;
        var open = byChannel - (signals / size).matmul(patches.t());
        open = coupled is null ? open : open - coupled.matmul(all.t());
        var right = open.matmul(along) * strengths / (error * error) - (below / size).matmul(contrasts);
        return 1.0 / size + linalg.solve(normal, right.unsqueeze(2)).squeeze(2).matmul(contrasts.t());
    });

    /// <summary>dL/dz, [channels,places].</summary>
    private Tensor Signal()
    {
        var signal = zeros(block.Conv.Output, block.Output[1] * block.Output[2], ScalarType.Float64).index_add_(1, places, weights * signals, 1);
        return coupled is null ? signal : signal + coupled;
    }

    private Tensor? Coupled() => block.Batch is null ? null
        : Tidy.Keep(() => block.Coupled(input.reshape([1, .. block.Input]))!.reshape(block.Conv.Output, -1));

    private Tensor Open() => block.System(Signal().reshape([1, .. block.Output])).matmul(input.t()) - target;

    private double Residual()
    {
        using var scope = Tidy.Scope();
        return Open().square().mean().sqrt().ToDouble() / level;
    }

    private Tensor Trust() => Tidy.Keep(() =>
    {
        var open = Open().reshape(block.Conv.Output, -1).square().mean([1]);
        var trust = 1 / (open + 0.1 * open.median() + 1e-14 * level * level);
        return trust / trust.max();
    });

    /// <summary>The output places in each window, window after window.</summary>
    private static Tensor Places(RectifiedBlock block)
    {
        var (kernel, stride, columns) = (block.Pool!.Kernel, block.Pool.Stride, block.Output[2]);
        return tensor([.. from y in Enumerable.Range(0, (int)block.Leaving[1])
                          from x in Enumerable.Range(0, (int)block.Leaving[2])
                          from j in Enumerable.Range(0, kernel * kernel)
                          select (y * stride + j / kernel) * columns + x * stride + j % kernel]);
    }
}
