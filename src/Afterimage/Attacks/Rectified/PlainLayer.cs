namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The input of a layer without pooling: what leaves tells which ReLUs are on, so that dL/dz is known and dL/dW = dL/dz x' is linear in
/// the input (Zhu and Blaschko, ICLR 2021). In train mode dL/dz also depends a little on the input, which is then iterated. A ReLU taken
/// for off spoils the equations of its own channel alone, so channels count by how well they fit.
/// </summary>
internal static class PlainLayer
{
    private const int Rounds = 60;

    /// <summary>Solutions between two decisions on doubtful ReLUs.</summary>
    private const int Passes = 5;
    private const double Exact = 1e-6;

    /// <summary>Outputs below this share of the largest may be rounding; the input decides whether they are on.</summary>
    private const double Doubtful = 1e-3;

    /// <param name="block">Without pooling.</param>
    /// <param name="output">What leaves, [1,*Output].</param>
    /// <param name="signal">dL/d output.</param>
    /// <param name="guess">A plausible input.</param>
    public static LayerInput Solve(RectifiedBlock block, Tensor output, Tensor signal, Tensor guess)
    {
        var (target, doubtful) = (block.Target, output < Doubtful * output.max());
        var on = (output > 1e-2 * Doubtful * output.max()).to(output.dtype);
        LayerInput? best = null;
        var (input, trust) = (guess, ones(block.Conv.Output, ScalarType.Float64));
        for (var round = 0; round < Rounds; round++)
        {
            var coupled = block.Coupled(input);
            var change = signal * on * block.Scale;
            change = coupled is null ? change : change + coupled;
            var system = block.System(change);
            var trusted = (system * trust.repeat_interleave(system.shape[0] / trust.shape[0], 0).unsqueeze(1)).t();
            var normal = trusted.matmul(system);
            normal.diagonal().add_(1e-14 * normal.diagonal().mean());
            var (factor, info) = linalg.cholesky_ex(normal);
            if (info.ToInt32() != 0)
                break;
            var solution = cholesky_solve(trusted.matmul(target), factor);
            var open = system.matmul(solution) - target;
            var residual = (open.norm() / target.norm()).ToDouble();
            input = solution.t().reshape([1, .. block.Input]);
            if (best is null || residual < best.Residual)
                best = new(input, change, residual);
            if (residual < Exact)
                break;
            var errors = open.reshape(block.Conv.Output, -1).square().mean([1]);
            trust = 1 / (errors + 0.1 * errors.median() + Exact * Exact * target.square().mean());
            trust = trust / trust.max();
            if (round % Passes == Passes - 1)
                on = where(doubtful, (block.Before(input) > 0).to(output.dtype), on);
        }
        return best ?? new(guess, signal, double.PositiveInfinity);
    }
}
