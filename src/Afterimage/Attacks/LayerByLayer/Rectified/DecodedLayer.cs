namespace Afterimage.Attacks;

/// <summary>
/// The input x of a convolution where dL/du = gate times a known gradient, and nearly all gates are known. With the gates x follows from
/// dL/dW by linear equations; with x dL/dW gives dL/dz at every place, and with it the gates. Channels count by how well they fit. With
/// GroupNorm dL/dz depends a little on x, and x is iterated: an error shrinks by a factor of about 20 each time.
/// </summary>
/// <param name="block">Without pooling.</param>
/// <param name="gradient">dL/du where every gate is open, [1,*Output].</param>
internal sealed class DecodedLayer(RectifiedBlock block, Tensor gradient)
{
    /// <summary>What rounding leaves of dL/dW, relative, at most.</summary>
    public const double Exact = 5e-6;

    private const int Rounds = 60;

    /// <summary>Rounds one after the other that may leave more than the best one did.</summary>
    private const int MostLosses = 4;

    /// <summary>Channels count by their fit, and the scale is looked at, once the residual is below this.</summary>
    private const double Near = 0.02;

    /// <summary>A round that leaves more than this share of what the last one did is slow.</summary>
    private const double Progress = 0.5;

    /// <summary>A channel that leaves this many times what the median does has a gate wrong.</summary>
    private const double Misfit = 5;

    /// <summary>Gates of gradients below this share of the typical one are not decided.</summary>
    private const double Faint = 1e-3;

    private readonly Tensor target = block.Target;
    private readonly double level = block.WeightGradient.square().mean().sqrt().ToDouble();

    /// <summary>
    /// The factor that an input lacks, for itself and its dL/dz: GroupNorm hides the scale of what it normalizes. Null without GroupNorm.
    /// </summary>
    public Func<Tensor, Tensor, double>? Factor { get; init; }

    /// <param name="gates">0 or 1, [1,*Output].</param>
    public DecodedInput Solve(Tensor gates)
    {
        var trust = ones(block.Conv.Output, ScalarType.Float64);
        var (point, before) = ((GroupPoint?)null, double.PositiveInfinity);
        DecodedInput? best = null;
        var losses = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var arriving = Arriving(gates, point);
            if (Fit(arriving, trust) is not { } input)
                break;
            if (block.Group is not null)
            {
                if (before < Near && Factor?.Invoke(input, arriving) is { } factor)
                    input = input * factor;
                point = block.Group.At(block.Map.Apply(block.Weight, input, block.Bias));
                arriving = Arriving(gates, point);
            }
            var errors = Errors(arriving, input);
            var residual = errors.square().mean().sqrt().ToDouble();
            losses = residual < (best?.Residual ?? double.PositiveInfinity) ? 0 : losses + 1;
            if (losses == 0)
                best = new(input, arriving, gates, residual);
            var slow = !(residual < Progress * before);
            before = residual;
            if (!double.IsFinite(residual) || losses > MostLosses || (residual < block.Exact(Exact) && (slow || block.Group is null)))
                break;
            if (residual < Near)
            {
                var squares = errors.square();
                trust = 1 / (squares + 0.1 * squares.median() + 1e-14);
                trust = trust / trust.max();
            }
            if (!slow && block.Group is not null)
                continue;
            var turned = Turned(gates, point, input, errors);
            if (slow && (turned is null || (turned == gates).all().ToBoolean()))
                break;
            gates = turned ?? gates;
        }
        return best ?? new(zeros([1, .. block.Input], ScalarType.Float64), gates, gates, double.PositiveInfinity);
    }

    /// <summary>Standard deviations of an input for what is left of dL/dW, [1,*Input].</summary>
    public Tensor Error(DecodedInput found) => Tidy.Keep(() =>
    {
        var inverse = Factorization.Inverse(Normal(block.System(found.PreActivationGradient)), "The normal matrix of a layer's equations");
        var error = inverse.diagonal().clamp_min(0).sqrt() * (Math.Max(found.Residual, block.Noise) * level);
        return error.reshape(1, 1, block.Input[1], block.Input[2]).expand([1, .. block.Input]);
    });

    /// <summary>dL/dz; where nothing is known of z yet, as if it were zero.</summary>
    private Tensor Arriving(Tensor gates, GroupPoint? point)
    {
        var through = gates * gradient * block.Scale;
        if (block.Group is not { } group)
            return through;
        return point is null ? through - group.Level : (through - group.Level - group.Slope * point.Standard) / point.Deviation;
    }

    private Tensor? Fit(Tensor arriving, Tensor trust)
    {
        using var scope = Tidy.Scope();
        var system = block.System(arriving);
        var weighted = (system * trust.repeat_interleave(system.shape[0] / trust.shape[0], 0).unsqueeze(1)).t();
        if (Factorization.CholeskyOrNull(Normal(weighted.matmul(system), false)) is not { } factor)
            return null;
        var columns = cholesky_solve(weighted.matmul(target), factor);
        columns = columns + cholesky_solve(weighted.matmul(target - system.matmul(columns)), factor);
        return block.Map.Image(columns).MoveToOuterDisposeScope();
    }

    private static Tensor Normal(Tensor system, bool multiply = true)
    {
        var normal = multiply ? system.t().matmul(system) : system;
        normal.diagonal().add_(1e-14 * normal.diagonal().mean() + 1e-300);
        return normal;
    }

    /// <summary>What is left of dL/dW in every channel, relative.</summary>
    private Tensor Errors(Tensor arriving, Tensor input) => Tidy.Keep(() =>
    {
        var open = block.Times(block.System(arriving), input) - target;
        return open.reshape(block.Conv.Output, -1).square().mean([1]).sqrt() / level;
    });

    /// <summary>The gates of the channels that do not fit, as the input says; null where places are too many for that.</summary>
    private Tensor? Turned(Tensor gates, GroupPoint? point, Tensor input, Tensor errors)
    {
        var patches = block.Map.Patches(input);
        if (patches.shape[0] < patches.shape[1])
            return null;
        return Tidy.Keep(() =>
        {
            var arriving = block.WeightGradient.flatten(1).matmul(Factorization.PseudoInverse(patches.t(), "The set of patches"))
                .reshape([1, .. block.Output]);
            var shares = Gates(block, point, arriving, gradient);
            var wrong = (errors > Misfit * errors.median() + block.Exact(Exact) / 10).reshape(1, -1, 1, 1);
            var through = (gradient * block.Scale).abs();
            return where(wrong & (through > Faint * through.mean()), (shares > 0.5).to(gates.dtype), gates);
        });
    }

    /// <summary>How far every gate is open, for dL/dz.</summary>
    /// <param name="block">The layer.</param>
    /// <param name="point">What its GroupNorm sees; null without one.</param>
    /// <param name="arriving">dL/dz, [1,*Output].</param>
    /// <param name="gradient">dL/du where every gate is open, [1,*Output].</param>
    public static Tensor Gates(RectifiedBlock block, GroupPoint? point, Tensor arriving, Tensor gradient)
    {
        var through = gradient * block.Scale;
        var own = point is null || block.Group is not { } group ? arriving
            : arriving * point.Deviation + group.Level + group.Slope * point.Standard;
        return own / where(through == 0, 1.0, through);
    }
}

/// <summary>The input of a convolution, as its equations say.</summary>
/// <param name="Input">[1,*Input].</param>
/// <param name="PreActivationGradient">dL/dz, [1,*Output].</param>
/// <param name="Gates">Behind it, 0 or 1, [1,*Output].</param>
/// <param name="Residual">What is left of dL/dW, relative.</param>
internal sealed record DecodedInput(Tensor Input, Tensor PreActivationGradient, Tensor Gates, double Residual);
