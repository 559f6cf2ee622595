namespace Afterimage.Attacks;

/// <summary>
/// The input x of a layer with GroupNorm whose outputs are known. They tell z' where their ReLU is on; where it is off dL/dz depends on x,
/// and so does the deviation of every group. Gauss-Newton solves for x by dL/dW and by what leaves, from a plausible guess; its scale,
/// which GroupNorm hides, is told by the layer in front.
/// </summary>
/// <param name="block">Without pooling.</param>
/// <param name="output">What leaves, [1,*Output].</param>
/// <param name="featureGradient">dL/d output.</param>
/// <param name="scale">Tells the scale.</param>
internal sealed class GroupedLayer(RectifiedBlock block, Tensor output, Tensor featureGradient, HiddenScale scale)
{
    private const int Rounds = 40;

    /// <summary>Rounds that need not lower the residual by a factor of two.</summary>
    private const int Patience = 6;
    private const double Exact = 5e-6;

    /// <summary>Channels count by how well they fit once the residual is below this.</summary>
    private const double Near = 1e-4;

    /// <summary>Outputs below the first share of the largest are rounding, and those below the last may be.</summary>
    private const double Zero = 1e-7, Likely = 1e-5, Doubtful = 1e-4;
    private const double ShortestStep = 0.02;

    private readonly Tensor target = block.Target;
    private readonly double level = block.WeightGradient.square().mean().sqrt().ToDouble();
    private readonly double size = output.square().mean().sqrt().ToDouble();

    /// <param name="guess">A plausible input.</param>
    public LayerInput Solve(Tensor guess)
    {
        var most = output.max();
        var on = (output > Likely * most).to(output.dtype);
        var doubtful = (output > Zero * most) & (output < Doubtful * most);
        var trust = ones(block.Conv.Output, ScalarType.Float64);
        var (input, slow, before) = (guess, 0, double.PositiveInfinity);
        LayerInput? best = null;
        for (var round = 0; round < Rounds && slow < Patience; round++)
        {
            var at = Look(input, on, trust);
            var residual = at.Open.square().mean().sqrt().ToDouble() / level;
            if (best is null || residual < best.Residual)
                best = new(input, at.Arriving, residual);
            slow = residual < before / 2 ? 0 : slow + 1;
            if (!double.IsFinite(residual) || (residual < block.Exact(Exact) && slow > 0))
                break;
            before = Math.Min(before, residual);
            if (residual < Near)
            {
                var errors = at.Open.reshape(block.Conv.Output, -1).square().mean([1]) / (level * level);
                trust = 1 / (errors + 0.1 * errors.median() + 1e-14);
                trust = trust / trust.max();
                on = where(doubtful, (block.Before(input) > 0).to(output.dtype), on);
                // A bias in front of GroupNorm tells the scale as well.
                input = block.Bias is null ? input * scale.Factor(input, block.Back(at.Arriving)) : input;
                at = Look(input, on, trust);
            }
            if (Next(input, on, trust, at) is not { } next)
                break;
            input = next;
        }
        return best!;
    }

    /// <summary>A step that lowers what is left; null where none does.</summary>
    private Tensor? Next(Tensor input, Tensor on, Tensor trust, View at)
    {
        using var own = Tidy.Scope();
        var step = new GroupStep(block, input, at.Arriving, on, at.ByRow, on / (size * size)).Solve(-at.Open, at.Left);
        if (step is null)
            return null;
        for (var length = 1.0; length > ShortestStep; length /= 2)
        {
            var next = input + step * length;
            if (Look(next, on, trust).Cost < at.Cost)
                return next.MoveToOuterDisposeScope();
        }
        return null;
    }

    private View Look(Tensor input, Tensor on, Tensor trust)
    {
        var point = block.Group!.At(block.Map.Apply(block.Weight, input, block.Bias));
        var known = (output - block.Shift) / where(block.Scale == 0, 1.0, block.Scale);
        var arriving = (featureGradient * on * block.Scale - block.Group.Level
            - block.Group.Slope * where(on > 0, known, point.Standard)) / point.Deviation;
        var open = block.Times(block.System(arriving), input) - target;
        var left = (output - point.Standard * block.Scale - block.Shift) * on;
        var byRow = trust.repeat_interleave(open.shape[0] / trust.shape[0], 0).unsqueeze(1) / (level * level);
        var cost = (open.square() * byRow).sum() + left.square().sum() / (size * size);
        return new(arriving, open, left, byRow, cost.ToDouble());
    }

    /// <summary>What an input leaves.</summary>
    private sealed record View(Tensor Arriving, Tensor Open, Tensor Left, Tensor ByRow, double Cost);
}
