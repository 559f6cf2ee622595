namespace Afterimage.Leakage;

/// <summary>
/// The Lanczos process with full orthogonalization, and the quadratures that it gives: a Gauss rule, whose integral of
/// 1 / (1 + x / s^2) is at most the true one, and a Gauss-Radau rule with a node at 0, whose integral is at least the true one
/// (Golub and Meurant, 2010).
/// </summary>
internal sealed class Lanczos : IDisposable
{
    private const string Name = "The tridiagonal matrix of the Lanczos process";

    private readonly List<double> diagonal = [], beside = [];
    private readonly Tensor basis;
    private readonly double weight;

    /// <param name="product">A symmetric positive semidefinite matrix times a flat vector.</param>
    /// <param name="start">Flat, not zero.</param>
    /// <param name="steps">Products at most; fewer where the space is exhausted.</param>
    public Lanczos(Func<Tensor, Tensor> product, Tensor start, int steps)
    {
        using var scope = Tidy.Scope();
        steps = (int)Math.Min(steps, start.numel());
        basis = zeros([steps, start.numel()], ScalarType.Float64);
        weight = start.square().sum().ToDouble();
        basis[0].copy_(start / Math.Sqrt(weight));
        for (var k = 0; k < steps; k++)
        {
            using var step = Tidy.Scope();
            var next = product(basis[k]);
            diagonal.Add((next * basis[k]).sum().ToDouble());
            var found = basis.narrow(0, 0, k + 1);
            for (var pass = 0; pass < 2; pass++)
                next -= found.t().matmul(found.matmul(next));
            var norm = next.norm().ToDouble();
            if (norm <= 1e-13 * diagonal.Max())
                norm = 0;
            beside.Add(norm);
            if (norm == 0)
                break;
            if (k + 1 < steps)
                basis[k + 1].copy_(next / norm);
        }
        basis.DetachFromDisposeScope();
    }

    /// <summary>The Gauss rule and the Gauss-Radau rule, their weights summing to the start's squared norm.</summary>
    public SpectralBracket Bracket()
    {
        var gauss = Rule(diagonal, beside);
        if (beside[^1] == 0)
            return SpectralBracket.Exact(gauss);
        // The last number of the longer matrix that makes 0 an eigenvalue, from the pivots of the shorter one.
        var pivot = diagonal[0];
        for (var k = 1; k < diagonal.Count; k++)
            pivot = diagonal[k] - beside[k - 1] * beside[k - 1] / Positive(pivot);
        return new(gauss, Rule([.. diagonal, beside[^1] * beside[^1] / Positive(pivot)], beside));
    }

    /// <summary>Ritz values and, in rows, Ritz vectors.</summary>
    public (Tensor Values, Tensor Vectors) Ritz()
    {
        var (values, turn) = Factorization.Eigen(Tridiagonal(diagonal, beside), Name);
        return (values, turn.t().matmul(basis.narrow(0, 0, diagonal.Count)));
    }

    public void Dispose() => basis.Dispose();

    private double Positive(double pivot) => Math.Max(pivot, 1e-16 * diagonal.Max());

    private SpectralMeasure Rule(IReadOnlyList<double> along, IReadOnlyList<double> off)
    {
        using var scope = Tidy.Scope();
        var (values, turn) = Factorization.Eigen(Tridiagonal(along, off), Name);
        var weights = turn[0].square() * weight;
        return new(values.clamp_min(0).data<double>().ToArray().ToValueList(), weights.data<double>().ToArray().ToValueList());
    }

    private static Tensor Tridiagonal(IReadOnlyList<double> along, IReadOnlyList<double> off)
    {
        var count = along.Count;
        var matrix = new double[count * count];
        for (var k = 0; k < count; k++)
        {
            matrix[k * count + k] = along[k];
            if (k + 1 < count)
                matrix[k * count + k + 1] = matrix[(k + 1) * count + k] = off[k];
        }
        return tensor(matrix, [count, count], ScalarType.Float64);
    }
}
