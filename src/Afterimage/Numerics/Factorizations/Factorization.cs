using System.Runtime.InteropServices;

namespace Afterimage.Numerics;

/// <summary>
/// The dense factorizations, over leading batch dimensions as in libtorch. Where the native routine throws or gives numbers that are
/// not finite, as it may for zeros and repeated eigenvalues, it is tried again with a little more on the diagonal, relative to the
/// largest entry, and then another algorithm. Every name is what a message calls the matrix, such as "The head's weight gradient".
/// </summary>
public static class Factorization
{
    /// <summary>What the diagonal gains, in units of the largest entry times the precision's epsilon.</summary>
    private static readonly double[] Jitters = [1e1, 1e3, 1e5];

    /// <summary>Eigenvalues in ascending order, [...,n], and eigenvectors in columns, [...,n,n].</summary>
    /// <param name="symmetric">[...,n,n], of which the lower triangle is read.</param>
    /// <param name="name">What it is.</param>
    /// <param name="stop">Leaves it, however large the matrix is.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static (Tensor Values, Tensor Vectors) Eigen(Tensor symmetric, string name, CancellationToken stop = default)
    {
        var found = Run(symmetric, name, matrix => Interruptible.Run(matrix, Native, stop), OtherFactorizations.Eigen);
        return (found[0], found[1]);

        static Tensor[] Native(Tensor matrix)
        {
            var (values, vectors) = linalg.eigh(matrix);
            return [values, vectors];
        }
    }

    /// <summary>Eigenvalues in ascending order, [...,n].</summary>
    /// <inheritdoc cref="Eigen"/>
    public static Tensor EigenValues(Tensor symmetric, string name) =>
        Run(symmetric, name, matrix => [linalg.eigvalsh(matrix)], matrix => [OtherFactorizations.Eigen(matrix)[0]])[0];

    /// <summary>U, the singular values in descending order, and V': the matrix is U diag(S) V'.</summary>
    /// <param name="matrix">[...,m,n].</param>
    /// <param name="name">What it is.</param>
    /// <param name="full">Whether U and V are square; otherwise they have min(m,n) columns.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite.</exception>
    public static (Tensor U, Tensor S, Tensor Vh) Svd(Tensor matrix, string name, bool full = false)
    {
        var found = Run(matrix, name, Native, tried => OtherFactorizations.Svd(tried, full));
        return (found[0], found[1], found[2]);

        Tensor[] Native(Tensor tried)
        {
            var (u, s, vh) = linalg.svd(tried, fullMatrices: full);
            return [u, s, vh];
        }
    }

    /// <summary>Singular values in descending order, [...,min(m,n)].</summary>
    /// <param name="matrix">[...,m,n].</param>
    /// <param name="name">What it is.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite.</exception>
    public static Tensor SingularValues(Tensor matrix, string name) =>
        Run(matrix, name, tried => [linalg.svdvals(tried)], tried => [OtherFactorizations.Svd(tried, false)[1]])[0];

    /// <summary>L, lower triangular with L L' = the matrix, which rounding may have robbed of its definiteness.</summary>
    /// <param name="symmetric">[...,n,n], of which the lower triangle is read.</param>
    /// <param name="name">What it is.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite, or no positive eigenvalue.</exception>
    /// <param name="stop">Leaves it, however large the matrix is.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static Tensor Cholesky(Tensor symmetric, string name, CancellationToken stop = default)
    {
        return Run(symmetric, name, matrix => Interruptible.Run(matrix, Native, stop), OtherFactorizations.Cholesky)[0];

        static Tensor[] Native(Tensor matrix) => CholeskyOrNull(matrix) is { } lower ? [lower] : [];
    }

    /// <summary>As <see cref="Cholesky"/>, but null where the matrix, or one of a batch, is not positive definite as it stands.</summary>
    /// <param name="symmetric">[...,n,n], of which the lower triangle is read.</param>
    public static Tensor? CholeskyOrNull(Tensor symmetric)
    {
        var (lower, failed) = linalg.cholesky_ex(symmetric);
        return failed.any().ToBoolean() ? null : lower;
    }

    /// <summary>X with A X = B, [...,n,k]; the shortest of the nearest where A is singular and jitter does not help.</summary>
    /// <param name="matrix">A, [...,n,n].</param>
    /// <param name="right">B, [...,n,k].</param>
    /// <param name="name">What A is.</param>
    /// <exception cref="AfterimageException">A or B has numbers that are not finite.</exception>
    public static Tensor Solve(Tensor matrix, Tensor right, string name) =>
        Run(matrix, name,
            tried => [linalg.solve(tried, right)],
            tried => [PseudoInverse(tried, name).matmul(right)], right)[0];

    /// <summary>The inverse, [...,n,n]; the pseudoinverse where the matrix is singular and jitter does not help.</summary>
    /// <param name="matrix">[...,n,n].</param>
    /// <param name="name">What it is.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite.</exception>
    public static Tensor Inverse(Tensor matrix, string name) =>
        Run(matrix, name, tried => [linalg.inv(tried)], tried => [PseudoInverse(tried, name)])[0];

    /// <summary>The Moore-Penrose inverse, [...,n,m].</summary>
    /// <param name="matrix">[...,m,n].</param>
    /// <param name="name">What it is.</param>
    /// <param name="tolerance">Singular values below this share of the largest count as zero; null for those within rounding.</param>
    /// <exception cref="AfterimageException">The matrix has numbers that are not finite.</exception>
    public static Tensor PseudoInverse(Tensor matrix, string name, double? tolerance = null) => Run(matrix, name,
        tried => [tolerance is { } share ? linalg.pinv(tried, share) : linalg.pinv(tried)],
        tried => [OtherFactorizations.PseudoInverse(tried, tolerance)])[0];

    /// <summary>The X that minimizes |A X - B|, [...,n,k].</summary>
    /// <param name="matrix">A, [...,m,n], of full rank as a rule.</param>
    /// <param name="right">B, [...,m,k].</param>
    /// <param name="name">What A is.</param>
    /// <exception cref="AfterimageException">A or B has numbers that are not finite.</exception>
    public static Tensor LeastSquares(Tensor matrix, Tensor right, string name) =>
        Run(matrix, name,
            tried => [linalg.lstsq(tried, right).Solution],
            tried => [PseudoInverse(tried, name).matmul(right)], right)[0];

    private static Tensor[] Run(
        Tensor matrix, string name, Func<Tensor, Tensor[]> native, Func<Tensor, Tensor[]> other, Tensor? right = null)
    {
        // Some native routines read a number that is not finite for a zero.
        if (!Finite(matrix) || (right is not null && !Finite(right)))
            throw new AfterimageException($"{name}{(right is null ? "" : " or its right side")} has numbers that are not finite, " +
                "so it cannot be factored: look for infinite or undefined values in the update, the model and the settings.");
        if (Try(native, matrix) is { } plain)
            return plain;
        var unit = matrix.abs().amax([-1, -2]).unsqueeze(-1) * finfo(matrix.dtype).eps;
        foreach (var jitter in Jitters)
        {
            var tried = matrix.clone();
            tried.diagonal(0, -2, -1).add_(unit * jitter);
            if (Try(native, tried) is { } found)
                return found;
        }
        return Try(other, matrix) ?? throw new AfterimageException($"{name} could not be factored by any algorithm: " +
            "bring the update and the model to a common range of values, or use another method.");
    }

    /// <summary>Null where it throws or gives numbers that are not finite.</summary>
    private static Tensor[]? Try(Func<Tensor, Tensor[]> algorithm, Tensor matrix)
    {
        try
        {
            var found = algorithm(matrix);
            return found.Length > 0 && found.All(Finite) ? found : null;
        }
        catch (ExternalException)
        {
            return null;
        }
    }

    private static bool Finite(Tensor values) => values.isfinite().all().ToBoolean();
}
