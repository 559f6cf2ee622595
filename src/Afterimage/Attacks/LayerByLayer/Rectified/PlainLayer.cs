namespace Afterimage.Attacks;

/// <summary>
/// The input x of a layer without pooling: what leaves tells which ReLUs are on, so that dL/dz is known, dL/dW = dL/dz x' is linear in
/// x, and so is u where it is on (Zhu and Blaschko, ICLR 2021). In train mode dL/dz also depends a little on x, which is then iterated.
/// A ReLU wrongly taken for off spoils the equations of its own channel alone, so channels count by how well they fit.
/// </summary>
internal sealed class PlainLayer
{
    private const int Rounds = 60;

    /// <summary>Solutions between two decisions on doubtful ReLUs.</summary>
    private const int Passes = 5;
    private const int Products = 60;
    private const double Exact = 1e-6;

    /// <summary>Outputs below this share of the largest may be rounding; the input decides whether they are on.</summary>
    private const double Doubtful = 1e-3;

    /// <summary>Channels are weighted by their fit once the residual is below this.</summary>
    private const double Near = 0.02;

    private readonly RectifiedBlock block;
    private readonly Tensor output;
    private readonly Tensor featureGradient;
    private readonly Tensor target;
    private readonly double level;
    private readonly double exact;

    /// <param name="block">Without pooling.</param>
    /// <param name="output">What leaves, [1,*Output].</param>
    /// <param name="featureGradient">dL/d output.</param>
    public PlainLayer(RectifiedBlock block, Tensor output, Tensor featureGradient)
    {
        (this.block, this.output, this.featureGradient, target) = (block, output, featureGradient, block.Target);
        exact = block.Exact(Exact);
        level = target.square().mean().sqrt().ToDouble();
    }

    /// <param name="guess">A plausible input.</param>
    public LayerInput Solve(Tensor guess)
    {
        var doubtful = output < Doubtful * output.max();
        var on = (output > 1e-2 * Doubtful * output.max()).to(output.dtype);
        LayerInput? best = null;
        var (input, trust) = (guess, ones(block.Conv.Output, ScalarType.Float64));
        for (var round = 0; round < Rounds; round++)
        {
            var coupled = block.Coupled(where(on > 0, output, block.Before(input)));
            var change = featureGradient * on * block.Scale;
            change = coupled is null ? change : change + coupled;
            var system = block.System(change);
            input = Fit(system, trust, on, input);
            var open = block.Times(system, input) - target;
            var residual = open.square().mean().sqrt().ToDouble() / level;
            if (best is null || residual < best.Residual)
                best = new(input, change, residual);
            if (residual < exact || !double.IsFinite(residual))
                break;
            if (!(residual < Near))
                continue;
            var errors = open.reshape(block.Conv.Output, -1).square().mean([1]);
            trust = 1 / (errors + 0.1 * errors.median() + exact * exact * level * level);
            trust = trust / trust.max();
            if (round % Passes == Passes - 1)
                on = where(doubtful, (block.Before(input) > 0).to(output.dtype), on);
        }
        return best!;
    }

    /// <summary>
    /// Least squares. In eval mode dL/dW is enough, and all channels share one factorization; where dL/dz is itself a guess, u joins by
    /// conjugate gradients.
    /// </summary>
    private Tensor Fit(Tensor system, Tensor trust, Tensor on, Tensor start) => Tidy.Keep(() =>
    {
        var byGradient = trust.repeat_interleave(system.shape[0] / trust.shape[0], 0).unsqueeze(1) / (level * level);
        var weighted = (system * byGradient).t();
        var normal = weighted.matmul(system);
        if (block.Batch is null)
        {
            normal.diagonal().add_(1e-14 * normal.diagonal().mean());
            return Factorization.CholeskyOrNull(normal) is not { } direct ? start.clone()
                : cholesky_solve(weighted.matmul(target), direct).t().reshape(start.shape);
        }
        var byOutput = on / (output.square() * on).sum() * on.sum();
        var constant = block.Before(zeros_like(start));
        var preconditioner = normal.clone();
        preconditioner.diagonal().add_((block.Transpose(byOutput * block.Multiply(ones_like(start))).mean().abs()
            + 1e-12 * normal.diagonal().mean()));
        if (Factorization.CholeskyOrNull(preconditioner) is not { } factor)
            return start.clone();
        var map = block.Map;
        Tensor Back(Tensor gradient, Tensor outputs) =>
            map.Image(weighted.matmul(gradient)) + block.Transpose(outputs * byOutput);
        return ConjugateGradients.Solve(Back(target, output - constant),
            x => map.Image(map.Times(normal, x)) + block.Transpose(block.Multiply(x) * byOutput),
            rest => map.Image(cholesky_solve(map.Columns(rest), factor)), Products, 1e-24, start).Solution;
    });
}
