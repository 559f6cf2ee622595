namespace Afterimage.Attacks;

/// <summary>
/// The input of a residual unit whose output and dL/d output are known. dL/dW of the second convolution gives what it takes in; that tells
/// which ReLUs are on between the two, and then dL/dW of the first is linear in the unit's input. Together with both forward equations
/// this is solved by conjugate gradients. Channels with a ReLU in doubt count only once the solution has decided it. Errors do
/// not add up from unit to unit: they are those of the update, as long as the ReLUs are right.
/// </summary>
internal sealed class ResidualLayer
{
    /// <summary>What rounding leaves of dL/dW, relative, at most.</summary>
    private const double Exact = 3e-6;

    private const int Samples = 4;

    /// <summary>Equations for each place that are plenty.</summary>
    private const double Plenty = 4;

    /// <summary>A solution may turn the ReLUs of values below so many doubts.</summary>
    private const double Near = 10;

    /// <summary>
    /// Factors on the doubt, one try after the other: channels with values between the doubt divided and multiplied by the factor wait
    /// for the others. A factor comes again because the tries between may have told which channels fit.
    /// </summary>
    private static readonly double[] Waits = [4, 1.5, 10, 4, 30];

    /// <summary>A value is in doubt below this many of its errors.</summary>
    private const double DoubtfulErrors = 5;
    private const int MostReadings = 5;

    /// <summary>Another reading of the ReLUs must leave less than this share of what the one before left.</summary>
    private const double Progress = 0.9;
    private const double LeastTrusted = 0.6;

    /// <summary>A channel that leaves this many times what the median does has a ReLU wrong.</summary>
    private const double Misfit = 5;

    /// <summary>What lies between the convolutions is not known where its typical error is more than this share of it.</summary>
    private const double MostError = 0.01;

    private CancellationToken stop;
    private bool middleIsKnown;
    private readonly ResidualUnit unit;
    private readonly Tensor output;
    private readonly Tensor featureGradient;
    private readonly Tensor doubt;
    private readonly Tensor outputs;
    private readonly RandomSource random;
    private readonly double exact;

    /// <param name="unit">In double precision.</param>
    /// <param name="output">In front of or behind its last ReLU, [1,*Leaving].</param>
    /// <param name="featureGradient">dL/d output.</param>
    /// <param name="doubt">Below this an output may be zero, [1,*Leaving].</param>
    /// <param name="random">Draws rounding errors.</param>
    public ResidualLayer(ResidualUnit unit, Tensor output, Tensor featureGradient, Tensor doubt, RandomSource random)
    {
        (this.unit, this.output, this.featureGradient, this.doubt, this.random) = (unit, output, featureGradient, doubt, random);
        exact = Math.Max(unit.First.Exact(Exact), unit.Second.Exact(Exact));
        outputs = (output > Near * doubt).to(output.dtype) / (doubt / DoubtfulErrors).square();
    }

    /// <summary>Whether the input is solved for, and not only what lies between the convolutions.</summary>
    public bool ReadsInput { get; init; } = true;

    /// <summary>Below this a value may be zero: its error, scaled up by the negative values, which no ReLU gives.</summary>
    public static Tensor Doubt(Tensor values, Tensor errors) => errors * Math.Max(0.01, -1.5 * (values / errors).min().ToDouble());

    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public UnitInput Solve(CancellationToken cancellation)
    {
        var (inner, error, on, left) = new GatedLayer(unit.Second, featureGradient * unit.Second.Scale).Solve(output, doubt);
        return Solve(new(inner, error, on, left), cancellation);
    }

    /// <param name="middle">What is known already.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public UnitInput Solve(UnitMiddle middle, CancellationToken cancellation)
    {
        stop = cancellation;
        var (inner, error, on, left) = middle;
        middleIsKnown = error.median().ToDouble() < MostError * inner.square().mean().sqrt().ToDouble();
        var within = Doubt(inner, error);
        var solution = new Solution(inner * (inner > within), on, (inner > within).to(inner.dtype), null, left);
        if (!ReadsInput || !unit.First.IsDetermined || !(left < 1) || unit.First.Target.norm().ToDouble() == 0
            || unit.Projection?.Target.norm().ToDouble() == 0)
            return Told(solution);
        var (start, spread, gates, _) = new GatedLayer(unit.First, Middle(on)).Solve(inner, within);
        // With a stride, some places enter only the other equations.
        var strided = unit.First.Conv.Stride > 1;
        var alone = solution with { Gates = gates, Input = start };
        // With equations to spare one weight gradient is enough, and all others confirm it.
        if (!strided && unit.First.Equations >= Plenty * unit.First.Places && Residual(alone) is var residual && residual < exact)
            return Told(alone with { Residual = residual }, spread);
        start = strided ? zeros_like(start) : start;
        if (Equations(alone).Alone() is { } known && Residual(alone = alone with { Input = known.Input }) is var fitted && fitted < exact)
            return Told(alone with { Residual = fitted }, known.Spread);
        // With equations to spare a wrong ReLU would have shown.
        var open = on.flatten(2).any(2).sum().ToInt64();
        var proven = left < exact && open * unit.Second.Equations / unit.Second.Conv.Output > unit.Second.Places;
        var best = Solved(solution with { Gates = gates }, start);
        for (var (round, before) = (0, double.PositiveInfinity); round < MostReadings && best.Residual >= exact
            && best.Residual < Progress * before; round++)
        {
            before = best.Residual;
            var seen = Solved(Seen(best, inner, within), best.Input!);
            best = best.Residual <= seen.Residual ? best : seen;
        }
        foreach (var wait in Waits)
        {
            if (best.Residual < exact)
                break;
            // What is almost zero inside may be taken for zero, but not the other way around.
            var (first, second) = Errors(best);
            var input = Fit(solution with { Gates = (inner > wait * within).to(inner.dtype), On = on }, gates,
                Certain(inner, within, wait, first), Certain(output, doubt, wait, second), best.Input!);
            var before = unit.First.Before(input);
            var decided = where(inner.abs() < Near * within, (before > 0).to(inner.dtype), gates);
            var turned = proven ? on : where(output.abs() < Near * doubt, (unit.Before(input, before * decided) > 0).to(inner.dtype), on);
            var found = Solved(solution with { Gates = decided, On = turned }, input);
            best = best.Residual <= found.Residual ? best : found;
        }
        return Told(best);
    }

    /// <summary>The ReLUs in doubt as both weight gradients show them.</summary>
    private Solution Seen(Solution solution, Tensor inner, Tensor within)
    {
        var on = new GatedLayer(unit.Second, featureGradient * unit.Second.Scale)
            .Seen(solution.Gates * unit.First.Before(solution.Input!), output, doubt, solution.On);
        return solution with
        {
            On = on,
            Gates = new GatedLayer(unit.First, Middle(on)).Seen(solution.Input!, inner, within, solution.Gates),
        };
    }

    private Solution Solved(Solution gated, Tensor start)
    {
        var (first, second) = (ones(unit.First.Conv.Output, output.dtype), ones(unit.Second.Conv.Output, output.dtype));
        var found = gated with { Input = Fit(gated, gated.Gates, first, second, start) };
        return found with { Residual = Residual(found) };
    }

    /// <summary>dL/dz of the first convolution where all ReLUs between the two are on.</summary>
    private Tensor Middle(Tensor on) => unit.Second.Back(on * featureGradient * unit.Second.Scale) * unit.First.Scale;

    /// <param name="solution">Of all equations, or of those of the first convolution's weight gradient.</param>
    /// <param name="spread">How far rounding errors move its input; null where that is to be found out.</param>
    private UnitInput Told(Solution solution, Tensor? spread = null)
    {
        var (first, sum) = (solution.Gates * Middle(solution.On), solution.On * featureGradient);
        var doubt = solution.Input is null ? null : Doubt(solution.Input, spread ?? Spread(solution));
        return new(solution.Input, solution.Input is null ? null : unit.Back(first, sum), doubt,
            middleIsKnown ? new(solution.Inner, solution.Gates * unit.Second.Back(sum * unit.Second.Scale)) : null, solution.Residual);
    }

    /// <summary>One for every channel that fits and has no values in doubt, else zero; one for all if they are too many.</summary>
    private Tensor Certain(Tensor values, Tensor doubt, double wait, Tensor errors)
    {
        var clear = (~((values > doubt / wait) & (values < doubt * wait)).flatten(2).any(2)[0]).to(values.dtype);
        var fitting = clear * (errors < Misfit * errors.median() + exact);
        return new[] { fitting, clear }.FirstOrDefault(certain => certain.mean().ToDouble() >= LeastTrusted) ?? ones_like(clear);
    }

    /// <summary>What is left of dL/dW in the channels of both convolutions, relative.</summary>
    private (Tensor First, Tensor Second) Errors(Solution solution)
    {
        Tensor Of(RectifiedBlock block, Tensor arriving, Tensor x)
        {
            var target = block.Target;
            var left = block.Times(block.System(arriving), x) - target;
            return (left.reshape(block.Conv.Output, -1).square().mean([1]) / target.square().mean()).sqrt();
        }
        return (Of(unit.First, solution.Gates * Middle(solution.On), solution.Input!),
            Of(unit.Second, solution.On * featureGradient * unit.Second.Scale, solution.Gates * unit.First.Before(solution.Input!)));
    }

    /// <summary>Of all channels, that of the convolution where more is left.</summary>
    private double Residual(Solution solution)
    {
        using var scope = Tidy.Scope();
        var (first, second) = Errors(solution);
        return Math.Sqrt(Math.Max(first.square().mean().ToDouble(), second.square().mean().ToDouble()));
    }

    /// <summary>Least squares over all equations, each by its error.</summary>
    /// <param name="solution">With its gates as the forward equations have them.</param>
    /// <param name="gates">As dL/dz has them.</param>
    private Tensor Fit(Solution solution, Tensor gates, Tensor first, Tensor second, Tensor start) => Tidy.Keep(() =>
    {
        var equations = new UnitEquations(
            unit, solution.Gates, gates * Middle(solution.On), solution.On * featureGradient, outputs, first, second);
        var enough = Math.Max(1e-9, 0.01 * Math.Min(unit.First.Noise, unit.Second.Noise));
        return equations.Solve(equations.Right(output), start, enough * enough, stop);
    });

    private UnitEquations Equations(Solution solution) => new(
        unit, solution.Gates, solution.Gates * Middle(solution.On), solution.On * featureGradient, outputs,
        ones(unit.First.Conv.Output, output.dtype), ones(unit.Second.Conv.Output, output.dtype));

    /// <summary>How far rounding errors move the solution, [1,*Input].</summary>
    private Tensor Spread(Solution solution) => Tidy.Keep(() =>
    {
        var equations = Equations(solution);
        using var generator = random.Generator(CPU);
        var squares = zeros_like(solution.Input!);
        for (var sample = 0; sample < Samples; sample++)
            squares.add_(equations.Solve(equations.Noise(generator), null, 1e-4, stop).square());
        // So few samples give no reliable deviation of a single value.
        var spread = (squares / Samples).sqrt();
        return spread + 0.3 * spread.mean();
    });

    /// <param name="Inner">What the second convolution takes in.</param>
    /// <param name="On">Where the unit's last ReLU is on.</param>
    /// <param name="Gates">Where those between the convolutions are.</param>
    /// <param name="Input">Of the unit; null until it is solved for.</param>
    /// <param name="Residual">What is left of dL/dW, relative.</param>
    private sealed record Solution(Tensor Inner, Tensor On, Tensor Gates, Tensor? Input, double Residual);
}

/// <summary>What a residual unit was found to take in.</summary>
/// <param name="Input">[1,*Input]; null where its equations do not determine it.</param>
/// <param name="FeatureGradient">dL/d input.</param>
/// <param name="Doubt">Below this an input may be zero, [1,*Input].</param>
/// <param name="Inside">Between its convolutions; null where the second's dL/dW does not determine that.</param>
/// <param name="Residual">What is left of dL/dW of all of them, or only of the second, relative.</param>
internal sealed record UnitInput(Tensor? Input, Tensor? FeatureGradient, Tensor? Doubt, UnitInside? Inside, double Residual);

/// <summary>What the second convolution of a residual unit says before its first is looked at.</summary>
/// <param name="Inner">What it takes in.</param>
/// <param name="Error">Of one number, [1,*Second.Input].</param>
/// <param name="On">Where the unit's last ReLU is on.</param>
/// <param name="Residual">What is left of its dL/dW, relative.</param>
internal sealed record UnitMiddle(Tensor Inner, Tensor Error, Tensor On, double Residual);

/// <summary>Behind the first convolution of a residual unit.</summary>
/// <param name="Middle">What leaves it, zero where its ReLU is off.</param>
/// <param name="MiddleGradient">dL/d of what enters that ReLU.</param>
internal sealed record UnitInside(Tensor Middle, Tensor MiddleGradient);
