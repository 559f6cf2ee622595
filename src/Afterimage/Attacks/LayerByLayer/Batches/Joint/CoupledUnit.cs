namespace Afterimage.Attacks;

/// <summary>
/// What a residual unit with BatchNorm in train mode takes in, for all images of a batch at once: as <see cref="JointUnit"/> does it in
/// eval mode, with equations whose coefficients follow from their solution; bottlenecks too, one convolution after the other.
/// </summary>
/// <param name="unit">In double precision, with the statistics of whatever passes.</param>
/// <param name="output">
/// What leaves, in front of or behind its last ReLU, or anything that is positive where that is on, [B,*Leaving].
/// </param>
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

    /// <summary>What the convolutions of the body take in, nearly, where it is known; empty or null where it is not.</summary>
    public IReadOnlyList<Tensor?> Starts { get; init; } = [];

    /// <summary>The convolution behind the first whose equations are too few; null where none is.</summary>
    public string? Open { get; private set; }

    /// <summary>What was found; null where the equations are too few.</summary>
    /// <param name="stop">Ends it between two rounds.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public UnitInput? Solve(CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        var (values, within, arriving, residual) = (output, doubt, featureGradient, 0.0);
        Tensor? sum = null;
        for (var i = unit.Body.Count - 1; i > 0; i--)
        {
            var (block, front) = (unit.Body[i], unit.Body[i - 1].ShiftGradient);
            var equations = new CoupledInputs(block, null, front is null ? null : new(front))
            {
                Standard = sum is null ? null : Standard(block, values, within),
            };
            var found = Gated(block, equations, arriving, values, within, Starts.ElementAtOrDefault(i), stop);
            if (found is null || (i < unit.Body.Count - 1 && !(found.Solution.Residual < block.Exact(Solved))))
            {
                Open = block.Conv.Name;
                return null;
            }
            sum ??= found.Gates * featureGradient;
            within = Doubt(found.Solution);
            values = found.Solution.Input * (found.Solution.Input > within);
            (arriving, residual) = (found.Solution.Falling, Math.Max(residual, found.Solution.Residual));
        }
        var inputs = new CoupledInputs(unit.First, unit.Projection, shiftGradient is null ? null : new(shiftGradient))
        {
            AsideGradient = sum,
            Passing = unit.Projection is null ? unit.Return(sum!) : null,
            Standard = Standard(unit.First, values, within),
        };
        var first = Gated(unit.First, inputs, arriving, values, within, null, stop);
        var gates = first?.Gates ?? (values > 0).to(ScalarType.Float64);
        var between = new UnitInside(Kept(values), Kept(gates * arriving));
        if (first is null || !(first.Solution.Residual < unit.First.Exact(Solved)))
            return new(null, null, null, between, residual);
        var input = first.Solution;
        return new(Kept(input.Input), Kept(input.Falling + (unit.Projection is null ? unit.Return(sum!) : 0)),
            Kept(Doubt(input)), between, Math.Max(input.Residual, residual));

        static Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();
    }

    /// <summary>z' of a convolution where what leaves it is on for certain, zero elsewhere.</summary>
    private static Tensor Standard(RectifiedBlock block, Tensor leaving, Tensor doubt) =>
        where((leaving > Clear * doubt) & (block.Scale.abs() > LeastScale), (leaving - block.Shift)
            / where(block.Scale == 0, 1.0, block.Scale), 0);

    /// <summary>
    /// Below this a value may be zero: its error, scaled up by the negative values, which no ReLU gives; and where zeros end, which errors
    /// of dL/dz have spread, and a constant that is told by the smallest value of a channel.
    /// </summary>
    private static Tensor Doubt(CoupledSolution found) =>
        (found.Error * Math.Max(1, -1.5 * (found.Input / found.Error).min().ToDouble())).clamp_min(ZeroEdge.Of(found.Input));

    /// <summary>Solves a layer whose dL/d outputs has gates that are read from values.</summary>
    private static Gating? Gated(
        RectifiedBlock block, CoupledInputs inputs, Tensor arriving, Tensor values, Tensor doubt, Tensor? start, CancellationToken stop)
    {
        var gates = (values > doubt).to(ScalarType.Float64);
        if (inputs.Solve(gates * arriving, start, null, stop) is not { } solution)
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
