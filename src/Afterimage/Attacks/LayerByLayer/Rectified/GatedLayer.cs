namespace Afterimage.Attacks;

/// <summary>
/// The input x of a convolution where dL/dz = gate times a known gradient, and the gates are read from values that are known up to an
/// error. dL/dW is then linear in x. Gates of values near zero are in doubt: where the equations do not fit, those are turned that let
/// them fit best, one after the other.
/// </summary>
/// <param name="block">Without pooling.</param>
/// <param name="preActivationGradient">dL/dz where every gate is open, [1,*Output].</param>
internal sealed class GatedLayer(RectifiedBlock block, Tensor preActivationGradient)
{
    /// <summary>What rounding leaves of dL/dW, relative.</summary>
    private const double Exact = 1e-6;

    private const int MostReadings = 8;

    /// <summary>Values up to so many doubts may be zero after all.</summary>
    private const double Near = 30;

    /// <summary>A share of what dL/dz is like, below which its gate cannot be read.</summary>
    private const double Telling = 0.01;

    private const int MostDoubts = 40;
    private const int MostTurns = 20;
    private const double WorthATurn = 0.97;

    private readonly double exact = block.Exact(Exact);
    private readonly Tensor target = block.Target;
    private readonly double level = block.WeightGradient.square().mean().sqrt().ToDouble();

    /// <param name="values">In front of the gates, [1,*Output].</param>
    /// <param name="doubt">Below this a value may be zero, [1,*Output].</param>
    /// <returns>
    /// The input, [1,*Input]; its error, as far as the errors of dL/dW make it; the gates; and what is left of dL/dW, relative. Where
    /// turns do not help the gates are those of the values.
    /// </returns>
    public (Tensor Input, Tensor Error, Tensor Gates, double Residual) Solve(Tensor values, Tensor doubt)
    {
        var plain = (values > doubt).to(ScalarType.Float64);
        var (input, least) = Fit(plain);
        var (gates, first) = (plain.clone(), (input, least));
        for (var round = 0; round < MostReadings && least > exact; round++)
        {
            var seen = Seen(input, values, doubt, gates);
            var fit = Fit(seen);
            if (!(fit.Residual < WorthATurn * least))
                break;
            (gates, input, least) = (seen, fit.Input, fit.Residual);
        }
        var doubts = least > exact ? Doubts(values, doubt) : [];
        for (var turn = 0; turn < MostTurns && least > exact; turn++)
        {
            var (place, residual) = doubts.Select(place => (place, Tried(gates, place)))
                .DefaultIfEmpty((-1, least)).MinBy(pair => pair.Item2);
            if (!(residual < WorthATurn * least))
                break;
            Turn(gates, place);
            (input, least) = Fit(gates);
        }
        return least <= exact ? (input, Error(gates), gates, least) : (first.input, Error(plain), plain, first.least);
    }

    /// <summary>
    /// The gates in doubt as dL/dW itself shows them: the patches of an input that is nearly right give dL/dz, every channel by itself,
    /// and that is nearly zero or nearly what arrives.
    /// </summary>
    /// <param name="input">[1,*Input].</param>
    /// <param name="values">In front of the gates.</param>
    /// <param name="doubt">Below this a value may be zero.</param>
    /// <param name="gates">Of all others.</param>
    public Tensor Seen(Tensor input, Tensor values, Tensor doubt, Tensor gates) => Tidy.Keep(() =>
    {
        var patches = block.Map.Patches(input);
        var normal = patches.t().matmul(patches);
        normal.diagonal().add_(1e-12 * normal.diagonal().mean() + 1e-300);
        if (Factorization.CholeskyOrNull(normal) is not { } factor)
            return gates.clone();
        var seen = cholesky_solve(block.WeightGradient.flatten(1).matmul(patches).t(), factor).t().reshape(gates.shape);
        var times = values / doubt;
        var open = (times > -Near) & (times < Near)
            & (preActivationGradient.abs() > Telling * preActivationGradient.square().mean().sqrt());
        return where(open, (seen / where(open, preActivationGradient, 1.0) > 0.5).to(gates.dtype), gates);
    });

    /// <summary>Standard deviations for the errors of dL/dW.</summary>
    private Tensor Error(Tensor gates) => Tidy.Keep(() =>
    {
        var normal = Normal(block.System(gates * preActivationGradient));
        var inverse = Factorization.Inverse(normal, "The normal matrix of a layer's equations");
        var error = inverse.diagonal().clamp_min(0).sqrt() * (block.Noise * level);
        return error.reshape(1, 1, block.Input[1], block.Input[2]).expand([1, .. block.Input]);
    });

    private static Tensor Normal(Tensor system)
    {
        var normal = system.t().matmul(system);
        normal.diagonal().add_(1e-13 * normal.diagonal().mean() + 1e-300);
        return normal;
    }

    private double Tried(Tensor gates, long place)
    {
        using var scope = Tidy.Scope();
        var turned = gates.clone();
        Turn(turned, place);
        return Fit(turned).Residual;
    }

    private (Tensor Input, double Residual) Fit(Tensor gates)
    {
        using var scope = Tidy.Scope();
        var system = block.System(gates * preActivationGradient);
        if (Factorization.CholeskyOrNull(Normal(system)) is not { } factor)
            return (zeros([1, .. block.Input], ScalarType.Float64).MoveToOuterDisposeScope(), double.PositiveInfinity);
        var input = cholesky_solve(system.t().matmul(target), factor);
        input = input + cholesky_solve(system.t().matmul(target - system.matmul(input)), factor);
        var residual = (target - system.matmul(input)).square().mean().sqrt().ToDouble() / level;
        return (input.t().reshape([1, .. block.Input]).MoveToOuterDisposeScope(), residual);
    }

    private static void Turn(Tensor gates, long place)
    {
        var one = gates.view(-1)[place];
        one.fill_(1 - one.ToDouble());
    }

    /// <summary>Places of the values that are nearest to being in doubt.</summary>
    private static long[] Doubts(Tensor values, Tensor doubt)
    {
        var times = (values / doubt).reshape(-1).data<double>().ToArray();
        return [.. Enumerable.Range(0, times.Length).Where(place => times[place] is > -1 and < Near)
            .OrderBy(place => Math.Abs(Math.Log(Math.Max(times[place], 0.01)))).Take(MostDoubts).Select(place => (long)place)];
    }
}
