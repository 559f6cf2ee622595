namespace Afterimage.Numerics;

/// <summary>Preconditioned conjugate gradients for A x = b, A symmetric and positive definite.</summary>
internal static class ConjugateGradients
{
    /// <param name="right">b, of any shape.</param>
    /// <param name="multiply">A x.</param>
    /// <param name="condition">About the inverse of A, symmetric and positive; null for the identity.</param>
    /// <param name="most">Products with A at most.</param>
    /// <param name="enough">Ends once r'M r, r the residual and M the preconditioner, is below this share of what it was.</param>
    /// <param name="start">Where to begin; null for zero.</param>
    /// <param name="stop">Ends it between two products.</param>
    /// <returns>x in the caller's scope, and how many products it took.</returns>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static (Tensor Solution, int Products) Solve(Tensor right, Func<Tensor, Tensor> multiply, Func<Tensor, Tensor>? condition,
        int most, double enough, Tensor? start = null, CancellationToken stop = default)
    {
        var solution = start?.clone() ?? zeros_like(right);
        using var scope = Tidy.Scope();
        Tensor Conditioned(Tensor residual) => condition is null ? residual : condition(residual);
        var rest = start is null ? right.clone() : right - multiply(start);
        var search = Conditioned(rest).clone();
        var square = (rest * search).sum().ToDouble();
        var (least, products) = (enough * square, 0);
        while (products < most && square > least)
        {
            stop.ThrowIfCancellationRequested();
            using var inner = Tidy.Scope();
            products++;
            var product = multiply(search);
            var curvature = (search * product).sum().ToDouble();
            if (!(curvature > 0))
                break;
            solution.add_(search, alpha: square / curvature);
            rest.add_(product, alpha: -square / curvature);
            var conditioned = Conditioned(rest);
            var next = (rest * conditioned).sum().ToDouble();
            search.mul_(next / square).add_(conditioned);
            square = next;
        }
        return (solution, products);
    }
}
