namespace Afterimage.Attacks;

/// <summary>
/// The input of a layer with max pooling. What leaves tells the maxima and their dL/dz, but not their places. With P_c the weights of the
/// places in each window of channel c, dL/dW_c = sum over windows of d (sum over places P_c patch): bilinear in P and in the input, and
/// far overdetermined where windows are few and channels many. The two are fitted in turn, from a guess learned on procedural images,
/// under an error that shrinks by the round; then every P becomes its largest place. A residual at the update's rounding proves the result.
/// </summary>
internal sealed class PooledLayer
{
    private const double Exact = 1e-5;

    private static readonly (int Rounds, double Fall, double Spread)[] Schedules = [(60, 0.85, 1.0), (60, 0.85, 0.3), (120, 0.93, 1.0)];

    // How far below zero weights and inputs are let go.
    private const double Slack = 0.05;
    private const int Sweeps = 20;
    private const int Rescues = 2;

    private CancellationToken stop;
    private readonly RectifiedBlock block;
    private readonly Tensor target;
    private readonly Tensor byChannel;
    private readonly Tensor places;
    private readonly Tensor contrasts;
    private readonly long windows;
    private readonly Tensor strengths;
    private readonly Tensor doubtful;
    private readonly long size;
    private readonly double level;
    private readonly double exact;

    private const string Name = "The normal matrix of a pooled layer";

    private double least;
    private Tensor mean;
    private Tensor precision;
    private readonly Tensor alive;
    private Tensor on;
    private Tensor weights;
    private Tensor input;
    private Tensor? coupled;

    /// <param name="block">With pooling.</param>
    /// <param name="output">What leaves, [1,*Leaving].</param>
    /// <param name="featureGradient">dL/d output.</param>
    public PooledLayer(RectifiedBlock block, Tensor output, Tensor featureGradient)
    {
        (this.block, size) = (block, block.Pool!.Kernel * block.Pool.Kernel);
        var (channels, cells) = (block.Conv.Output, block.Leaving[1] * block.Leaving[2]);
        target = block.Target;
        byChannel = block.WeightGradient.reshape(channels, -1);
        exact = block.Exact(Exact);
        level = target.square().mean().sqrt().ToDouble();
        places = Places(block);
        windows = cells * size;
        var centered = eye(size, size, ScalarType.Float64) - 1.0 / size;
        var directions = Factorization.Svd(centered, "The matrix of contrasts", full: true).U;
        contrasts = kron(eye(cells, cells, ScalarType.Float64), directions.narrow(1, 0, size - 1).contiguous());
        strengths = (featureGradient * block.Scale).reshape(channels, cells);
        alive = on = (output > 1e-6 * output.max()).to(featureGradient.dtype).reshape(channels, cells);
        doubtful = (output < 1e-6 * output.max()).reshape(channels, cells);
        mean = zeros(block.Input[0], block.Places, ScalarType.Float64);
        (precision, weights, input) = (ones_like(mean), Even(), mean);
    }

    /// <param name="guesses">Means and variances of plausible inputs, [1,*Input], the best first.</param>
    /// <param name="cancellation">Stops between two rounds.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public LayerInput Solve(IEnumerable<(Tensor Mean, Tensor Variance)> guesses, CancellationToken cancellation = default)
    {
        stop = cancellation;
        LayerInput? best = null;
        foreach (var (guess, variance) in guesses)
        {
            // Images, unlike features, may be negative.
            least = guess.min().ToDouble() < 0 ? double.NegativeInfinity : 0;
            mean = guess.reshape(block.Input[0], -1);
            precision = 1 / (variance.reshape(block.Input[0], -1) + 1e-3 * variance.mean());
            foreach (var (rounds, fall, spread) in Schedules)
            {
                var found = Attempt(rounds, fall, spread);
                best = best?.Residual <= found.Residual ? best : found;
                if (best.Residual < exact)
                    return best;
            }
        }
        return best!;
    }

    private LayerInput Attempt(int rounds, double fall, double spread)
    {
        on = alive;
        weights = Even();
        input = mean.clone();
        coupled = Coupled();
        var (error, even) = (Residual() * level, ones(block.Conv.Output, ScalarType.Float64));
        for (var round = 0; round < rounds; round++)
        {
            stop.ThrowIfCancellationRequested();
            Place(error, even);
            weights = Weigh(error, spread);
            error = Math.Max(error * fall, exact * level);
        }
        weights = Hard(weights);
        var best = Harden();
        for (var again = 0; again < Rescues && !(best.Residual < exact); again++)
        {
            stop.ThrowIfCancellationRequested();
            Soften(spread);
            if (Harden() is var found && found.Residual < best.Residual)
                best = found;
        }
        return best;
    }

    /// <summary>One place for each maximum; channels count by how well they fit, so that wrong places do no harm to others.</summary>
    private LayerInput Harden()
    {
        LayerInput? best = null;
        for (var round = 0; round < 8; round++)
        {
            var before = double.PositiveInfinity;
            for (var pass = 0; pass < 30; pass++)
            {
                Place(1e-6 * level, Trust());
                var residual = Residual();
                if (pass > 2 && residual > 0.5 * before)
                    break;
                before = residual;
            }
            if (best is not null && !(Residual() < 0.999 * best.Residual))
                break;
            best = new(input.reshape([1, .. block.Input]).clone(), PreActivationGradient().reshape([1, .. block.Output]), Residual());
            if (best.Residual < exact)
                break;
            on = Tidy.Keep(() => where(doubtful, (Windows().amax([2]) > 0).to(on.dtype), on));
            weights = Best(Chosen(), Seen());
        }
        return best!;
    }

    /// <summary>Fits the channels that do not fit anew, under a shrinking error: the input that misled them was less known then.</summary>
    private void Soften(double spread)
    {
        var left = ChannelErrors();
        var wrong = left > exact * level;
        for (var error = left.max().ToDouble(); error > exact * level; error *= 0.8)
        {
            Place(1e-6 * level, where(wrong, 1e-12 * level * level / (error * error), ones_like(left)));
            weights = where(wrong.unsqueeze(1), Weigh(error, spread), weights);
        }
        weights = Hard(weights);
    }

    private Tensor Hard(Tensor soft) => Tidy.Keep(() =>
        nn.functional.one_hot(soft.reshape(soft.shape[0], -1, size).argmax(2), size).to(ScalarType.Float64).reshape(soft.shape[0], -1));

    /// <summary>The input for the weights as they are.</summary>
    /// <param name="error">Expected in one number of dL/dW.</param>
    /// <param name="trust">In each output channel, at most 1.</param>
    private void Place(double error, Tensor trust)
    {
        input = Tidy.Keep(() =>
        {
            var system = block.System(PreActivationGradient().reshape([1, .. block.Output]));
            var byRow = trust.repeat_interleave(system.shape[0] / trust.shape[0], 0).unsqueeze(1) / (error * error);
            var weighted = (system * byRow).t();
            var below = (input < least).to(ScalarType.Float64) * precision / (Slack * Slack);
            var normal = weighted.matmul(system).unsqueeze(0) + diag_embed(precision + below);
            if (block.Batch is null)
            {
                var right = weighted.matmul(target - system.matmul(mean.t())).t() - below * mean;
                return mean + Factorization.Solve(normal, right.unsqueeze(2), Name).squeeze(2);
            }
            var step = new CoupledStep(block, input, system, byRow);
            var open = target - system.matmul(input.t());
            return input + step.Solve(open, normal, precision + below, (mean - input) * precision - below * input);
        });
        coupled = Coupled();
    }

    /// <summary>The weights of the places for the input as it is.</summary>
    private Tensor Weigh(double error, double spread) => Tidy.Keep(() =>
    {
        var all = block.Map.Patches(input.reshape([1, .. block.Input]));
        var patches = all.index_select(1, places);
        var along = patches.matmul(contrasts);
        var below = (weights < 0).to(ScalarType.Float64) / (Slack * Slack);
        var stiffness = (contrasts.t().unsqueeze(0) * (below + 1 / (spread * spread)).unsqueeze(1)).matmul(contrasts);
        var gram = along.t().matmul(along) / (error * error);
        var (gradients, scales) = (MaximumGradients(size), MaximumGradients(size - 1));
        var normal = scales.unsqueeze(2) * gram.unsqueeze(0) * scales.unsqueeze(1) + stiffness;
        var open = byChannel - (gradients / size).matmul(patches.t());
        open = coupled is null ? open : open - coupled.matmul(all.t());
        var right = open.matmul(along) * scales / (error * error) - (below / size).matmul(contrasts);
        return 1.0 / size + Factorization.Solve(normal, right.unsqueeze(2), Name).squeeze(2).matmul(contrasts.t());
    });

    /// <summary>For the input as it is, moves one maximum after another to its best place until none moves.</summary>
    private Tensor Chosen() => Tidy.Keep(() =>
    {
        var all = block.Map.Patches(input.reshape([1, .. block.Input]));
        var patches = all.index_select(1, places);
        var open = coupled is null ? byChannel : byChannel - coupled.matmul(all.t());
        var gradients = MaximumGradients(size);
        var (gram, right, chosen) = (patches.t().matmul(patches), open.matmul(patches), weights * gradients);
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var before = chosen.clone();
            for (var from = 0L; from < chosen.shape[1]; from += size)
            {
                var (window, strength) = (chosen.narrow(1, from, size), gradients.narrow(1, from, size));
                window.zero_();
                var left = right.narrow(1, from, size) - chosen.matmul(gram.narrow(1, from, size));
                var cost = strength * (strength * gram.diagonal().narrow(0, from, size) - left * 2);
                window.copy_(nn.functional.one_hot(cost.argmin(1), size).to(ScalarType.Float64) * strength);
            }
            if ((before == chosen).all().ToBoolean())
                break;
        }
        // Maxima without any gradient may lie anywhere.
        return chosen / where(gradients == 0, 1.0, gradients);
    });

    /// <summary>The places of the maxima for the input as it is, as the layer itself sees them: right once the input is.</summary>
    private Tensor Seen() => Tidy.Keep(() => Hard(Windows()));

    /// <summary>In front of the ReLU, [channels,windows,places].</summary>
    private Tensor Windows() => block.Before(input.reshape([1, .. block.Input])).reshape(block.Conv.Output, -1).index_select(1, places)
        .reshape(block.Conv.Output, -1, size);

    /// <summary>For every channel the weights that leave less.</summary>
    private Tensor Best(Tensor first, Tensor second) => Tidy.Keep(() =>
    {
        Tensor Left(Tensor candidate)
        {
            weights = candidate;
            return Open().reshape(block.Conv.Output, -1).square().sum([1]);
        }
        return where((Left(first) <= Left(second)).unsqueeze(1), first, second);
    });

    private Tensor Even() => full([block.Conv.Output, windows], 1.0 / size, ScalarType.Float64);

    /// <summary>dL/dz of each window's maximum, once for each of its places.</summary>
    private Tensor MaximumGradients(long each) => (strengths * on).repeat_interleave(each, 1);

    /// <summary>dL/dz, [channels,places].</summary>
    private Tensor PreActivationGradient()
    {
        var gradient = zeros(block.Conv.Output, block.Output[1] * block.Output[2], ScalarType.Float64)
            .index_add_(1, places, weights * MaximumGradients(size), 1);
        return coupled is null ? gradient : gradient + coupled;
    }

    private Tensor? Coupled() => block.Batch is null ? null
        : Tidy.Keep(() => block.Coupled(block.Before(input.reshape([1, .. block.Input])))!.reshape(block.Conv.Output, -1));

    private Tensor Open() => block.System(PreActivationGradient().reshape([1, .. block.Output])).matmul(input.t()) - target;

    private double Residual()
    {
        using var scope = Tidy.Scope();
        return Open().square().mean().sqrt().ToDouble() / level;
    }

    private Tensor ChannelErrors() => Tidy.Keep(() => Open().reshape(block.Conv.Output, -1).square().mean([1]).sqrt());

    private Tensor Trust() => Tidy.Keep(() =>
    {
        var open = ChannelErrors().square();
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
