namespace Afterimage.Attacks;

/// <summary>
/// What a residual unit with BatchNorm in train mode takes in, for all images of a batch at once: as <see cref="JointUnit"/> does it in
/// eval mode, with equations whose coefficients follow from their solution.
/// </summary>
/// <param name="unit">In double precision, with the statistics of whatever passes.</param>
/// <param name="output">What leaves, in front of or behind its last ReLU, [B,*Leaving].</param>
/// <param name="featureGradient">dL/d output.</param>
/// <param name="doubt">Below this an output may be zero, [B,*Leaving].</param>
/// <param name="shiftGradient">dL/d shift of the normalization that the unit's input comes from, [C]; null where there is none.</param>
internal sealed class CoupledUnit(ResidualUnit unit, Tensor output, Tensor featureGradient, Tensor doubt, Tensor? shiftGradient)
{
    /// <summary>What rounding leaves of dL/dW, relative, at most.</summary>
    private const double Exact = 3e-6;

    /// <summary>A convolution that leaves more than this of its dL/dW does not tell its inputs.</summary>
    private const double Solved = 1e-5;

    /// <summary>Factors on a doubt: what lies between the doubt divided and multiplied by it is in doubt.</summary>
    private static readonly double[] Widths = [4, 1.5, 20, 4, 100, 1.5];

    /// <summary>A channel that leaves this many times what others do has a ReLU wrong.</summary>
    private const double Misfit = 5;

    /// <summary>A BatchNorm with less of a scale hides what stands in front of it.</summary>
    private const double LeastScale = 1e-3;

    /// <summary>Widths that may tell nothing, one after the other.</summary>
    private const int MostFailures = 2;

    /// <summary>Values that are so many doubts are on.</summary>
    private const double Clear = 100;

    /// <summary>What was found; null where the equations are too few.</summary>
    /// <param name="stop">Ends it between two rounds.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public UnitInput? Solve(CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        var second = Gated(unit.Second, new(unit.Second, null, unit.First.ShiftGradient is { } inside ? new(inside) : null),
            featureGradient, output, doubt, stop);
        if (second is null)
            return null;
        var (inner, sum) = (second.Solution.Input, second.Gates * featureGradient);
        var within = Doubt(inner, second.Solution.Error);
        inner = inner * (inner > within);
        var arriving = second.Solution.Falling;
        var known = where((inner > Clear * within) & (unit.First.Scale.abs() > LeastScale), (inner - unit.First.Shift)
            / where(unit.First.Scale == 0, 1.0, unit.First.Scale), 0);
        var inputs = new CoupledInputs(unit.First, unit.Projection, shiftGradient is { } front ? new(front) : null)
        {
            AsideGradient = sum, Passing = unit.Projection is null ? unit.Return(sum) : null, Standard = known,
        };
        var first = Gated(unit.First, inputs, arriving, inner, within, stop);
        var gates = first?.Gates ?? (inner > 0).to(ScalarType.Float64);
        var between = new UnitInside(Kept(inner), Kept(gates * arriving));
        if (first is null || !(first.Solution.Residual < unit.First.Exact(Solved)))
            return new(null, null, null, between, second.Solution.Residual);
        var found = first.Solution;
        return new(Kept(found.Input), Kept(found.Falling + (unit.Projection is null ? unit.Return(sum) : 0)),
            Kept(Doubt(found.Input, found.Error)), between, Math.Max(found.Residual, second.Solution.Residual));

        static Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();
    }

    /// <summary>Below this a value may be zero: its error, scaled up by the negative values, which no ReLU gives.</summary>
    private static Tensor Doubt(Tensor values, Tensor errors) => errors * Math.Max(1, -1.5 * (values / errors).min().ToDouble());

    /// <summary>Solves a layer whose dL/d outputs has gates that are read from values.</summary>
    private static Gating? Gated(
        RectifiedBlock block, CoupledInputs inputs, Tensor arriving, Tensor values, Tensor doubt, CancellationToken stop)
    {
        var gates = (values > doubt).to(ScalarType.Float64);
        if (inputs.Solve(gates * arriving, null, null, stop) is not { } solution)
            return null;
        var (best, failures) = (new Gating(solution, gates), 0);
        foreach (var width in Widths)
        {
            if (best.Solution.Residual < block.Exact(Exact) || failures++ == MostFailures)
                break;
            var doubtful = (values > doubt / width) & (values < doubt * width);
            var clear = ~doubtful.flatten(2).any(2).any(0);
            // A ReLU may be wrong without being in doubt; its channel fits worse than others.
            var trusted = clear & Fits(best.Solution.Left, clear);
            if (inputs.Solve(gates * arriving, best.Solution.Input, trusted.to(ScalarType.Float64), stop) is not { } around)
                continue;
            var wrong = ~(trusted & Fits(around.Left, trusted));
            // What a closed ReLU leaves of dL/dz is no matter of gates.
            var rest = block with { WeightGradient = block.WeightGradient - block.Map.WeightGradient(around.Input, around.Offset) };
            var told = new JointLayer(rest, around.PreActivationGradient)
                .Decide(around.Input, arriving * around.Open, gates, values / doubt, wrong);
            if (inputs.Solve(told * arriving, around.Input, null, stop) is { } found && found.Residual < best.Solution.Residual)
                (best, gates, failures) = (new(found, told), told, 0);
        }
        return best;
    }

    /// <summary>Channels that fit as well as those do that count.</summary>
    private static Tensor Fits(Tensor errors, Tensor counts) => errors < Misfit * errors[counts].median() + Exact / Misfit;

    private sealed record Gating(CoupledSolution Solution, Tensor Gates);
}
