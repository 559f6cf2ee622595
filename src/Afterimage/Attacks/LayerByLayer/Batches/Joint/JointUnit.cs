namespace Afterimage.Attacks;

/// <summary>
/// What a residual unit in eval mode takes in, for all images of a batch at once, from what leaves it and dL/d of that. As for one image
/// dL/dW of the second convolution gives what enters it, that tells the ReLUs between the two, and dL/dW of the first and of the
/// shortcut's gives the input. Channels with a ReLU in doubt, or that fit worse than others, wait until these have told the inputs; then
/// their own equations decide their ReLUs.
/// </summary>
/// <param name="unit">In double precision.</param>
/// <param name="output">In front of or behind its last ReLU, [B,*Leaving].</param>
/// <param name="featureGradient">dL/d output.</param>
/// <param name="doubt">Below this an output may be zero, [B,*Leaving].</param>
internal sealed class JointUnit(ResidualUnit unit, Tensor output, Tensor featureGradient, Tensor doubt)
{
    /// <summary>What rounding leaves of dL/dW, relative, at most.</summary>
    private const double Exact = 3e-6;

    /// <summary>Factors on a doubt: what lies between the doubt divided and multiplied by it is in doubt.</summary>
    private static readonly double[] Widths = [4, 1.5, 20, 4, 100, 1.5];

    /// <summary>A channel that leaves this many times what others do has a ReLU wrong.</summary>
    private const double Misfit = 5;

    /// <summary>What was found; null where the equations are too few.</summary>
    /// <param name="stop">Ends it between two layers.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public UnitInput? Solve(CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        if (Gated(unit.Second, featureGradient * unit.Second.Scale, output, doubt, (layer, trusted) => layer.Solve(trusted))
            is not { } second)
            return null;
        stop.ThrowIfCancellationRequested();
        var (inner, on) = (second.Input, second.Gates);
        var error = second.Layer.Error!;
        var within = Doubt(inner, error);
        inner = inner * (inner > within);
        var sum = on * featureGradient;
        var passing = unit.Second.Back(sum * unit.Second.Scale);
        var arriving = passing * unit.First.Scale;
        var aside = unit.Projection is { } projection ? new JointLayer(projection, sum * projection.Scale) : null;
        var first = Gated(unit.First, arriving, inner, within, (layer, trusted) => layer.Solve(trusted, aside));
        var gates = first?.Gates ?? (inner > 0).to(ScalarType.Float64);
        var inside = new UnitInside(Kept(inner), Kept(gates * passing));
        return first is null ? new(null, null, null, inside, second.Residual)
            : new(Kept(first.Input), Kept(unit.Back(gates * arriving, sum)), Kept(Doubt(first.Input, first.Layer.Error!)), inside,
                Math.Max(first.Residual, second.Residual));

        static Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();
    }

    /// <summary>Below this a value may be zero: its error, scaled up by the negative values, which no ReLU gives.</summary>
    private static Tensor Doubt(Tensor values, Tensor errors) => errors * Math.Max(1, -1.5 * (values / errors).min().ToDouble());

    /// <summary>Solves a layer whose dL/dz has gates that are read from values.</summary>
    private static Solution? Gated(RectifiedBlock block, Tensor open, Tensor values, Tensor doubt, Func<JointLayer, Tensor?, Tensor?> solve)
    {
        var gates = (values > doubt).to(ScalarType.Float64);
        Solution? Tried(Tensor tried)
        {
            var layer = new JointLayer(block, tried * open);
            if (solve(layer, null) is not { } input)
                return null;
            var left = layer.Left(input).square().mean().sqrt().ToDouble();
            return new(input, tried, layer, left);
        }
        if (Tried(gates) is not { } best)
            return null;
        foreach (var width in Widths)
        {
            if (best.Residual < block.Exact(Exact))
                break;
            var (doubtful, layer) = ((values > doubt / width) & (values < doubt * width), new JointLayer(block, gates * open));
            var clear = ~doubtful.flatten(2).any(2).any(0);
            // A ReLU may be wrong without being in doubt; its channel fits worse than others.
            var trusted = clear & Fits(best.Layer.Left(best.Input), clear);
            if (solve(layer, trusted.to(ScalarType.Float64)) is not { } around)
                continue;
            var wrong = ~(trusted & Fits(layer.Left(around), trusted));
            var found = Tried(layer.Decide(around, open, gates, values / doubt, wrong));
            if (found is not null && found.Residual < best.Residual)
                (best, gates) = (found, found.Gates);
        }
        return best;
    }

    /// <summary>Channels that fit as well as those do that count.</summary>
    private static Tensor Fits(Tensor errors, Tensor counts) => errors < Misfit * errors[counts].median() + Exact / Misfit;

    private sealed record Solution(Tensor Input, Tensor Gates, JointLayer Layer, double Residual);
}
