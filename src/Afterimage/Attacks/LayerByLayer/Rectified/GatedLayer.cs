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

    /// <summary>Typical rounding of dL/dW, relative.</summary>
    public const double Rounding = 1e-7;

    private const int MostDoubts = 40;
    private const int MostTurns = 20;
    private const double WorthATurn = 0.97;

    private readonly Tensor target = block.Target;
    private readonly double level = block.WeightGradient.square().mean().sqrt().ToDouble();

    /// <param name="values">In front of the gates, [1,*Output].</param>
    /// <param name="doubt">Below this a value may be zero, [1,*Output].</param>
    /// <returns>
    /// The input, [1,*Input]; its error, as far as one unit of rounding makes it; the gates; and what is left of dL/dW, relative. Where
    /// turns do not help the gates are those of the values.
    /// </returns>
    public (Tensor Input, Tensor Error, Tensor Gates, double Residual) Solve(Tensor values, Tensor doubt)
    {
        var plain = (values > doubt).to(ScalarType.Float64);
        var (input, least) = Fit(plain);
        var (gates, first) = (plain.clone(), (input, least));
        var doubts = least > Exact ? Doubts(values, doubt) : [];
        for (var turn = 0; turn < MostTurns && least > Exact; turn++)
        {
            var (place, residual) = doubts.Select(place => (place, Tried(gates, place)))
                .DefaultIfEmpty((-1, least)).MinBy(pair => pair.Item2);
            if (!(residual < WorthATurn * least))
                break;
            Turn(gates, place);
            (input, least) = Fit(gates);
        }
        return least <= Exact ? (input, Error(gates), gates, least) : (first.input, Error(plain), plain, first.least);
    }

    /// <summary>Standard deviations for errors of <see cref="Rounding"/> in dL/dW.</summary>
    private Tensor Error(Tensor gates) => Tidy.Keep(() =>
    {
        var normal = Normal(block.System(gates * preActivationGradient));
        var inverse = Factorization.Inverse(normal, "The normal matrix of a layer's equations");
        var error = inverse.diagonal().clamp_min(0).sqrt() * (Rounding * level);
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
        return [.. Enumerable.Range(0, times.Length).Where(place => times[place] is > -1 and < 30)
            .OrderBy(place => Math.Abs(Math.Log(Math.Max(times[place], 0.01)))).Take(MostDoubts).Select(place => (long)place)];
    }
}
