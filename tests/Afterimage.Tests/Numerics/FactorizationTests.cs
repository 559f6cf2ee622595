using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics;

public class FactorizationTests
{
    private const string Name = "The test's matrix";

    [Fact]
    public void A_large_factorization_can_be_left_and_is_the_same_where_it_is_not()
    {
        using var scope = NewDisposeScope();
        var before = Live.Tensors;
        using (var inner = NewDisposeScope())
        {
            var half = randn(1600, 1600, ScalarType.Float64);
            var matrix = half.matmul(half.t()) / 1600 + eye(1600, dtype: ScalarType.Float64);
            using var stop = new CancellationTokenSource();
            var plain = Factorization.Cholesky(matrix, "A matrix");
            Assert.Equal(0, (Factorization.Cholesky(matrix, "A matrix", stop.Token) - plain).abs().max().ToDouble());
            stop.CancelAfter(50);
            Assert.Throws<OperationCanceledException>(() => Factorization.Eigen(matrix, "A matrix", stop.Token));
            Assert.Throws<OperationCanceledException>(() => Factorization.Cholesky(matrix, "A matrix", stop.Token));
        }
        Assert.InRange(Live.Tensors - before, 0, 3);
    }

    [Fact]
    public void Where_the_native_call_succeeds_its_numbers_are_the_result() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int).Sample(drawn =>
    {
        using var scope = Tidy.Scope();
        var matrix = Draw(drawn.Item3, drawn.Item1, drawn.Item2);
        var square = matrix.matmul(matrix.t()) + eye(drawn.Item1, dtype: ScalarType.Float64);
        var right = Draw(drawn.Item3 + 1L, drawn.Item1, 2);
        Same(linalg.eigvalsh(square), Factorization.EigenValues(square, Name));
        Same(linalg.svdvals(matrix), Factorization.SingularValues(matrix, Name));
        Same(linalg.cholesky(square), Factorization.Cholesky(square, Name));
        Same(linalg.solve(square, right), Factorization.Solve(square, right, Name));
        Same(linalg.inv(square), Factorization.Inverse(square, Name));
        Same(linalg.pinv(matrix), Factorization.PseudoInverse(matrix, Name));
        Same(linalg.lstsq(square, right).Solution, Factorization.LeastSquares(square, right, Name));
        var (values, vectors) = linalg.eigh(square);
        var eigen = Factorization.Eigen(square, Name);
        Same(values, eigen.Values);
        Same(vectors, eigen.Vectors);
        var (u, s, vh) = linalg.svd(matrix, fullMatrices: true);
        var svd = Factorization.Svd(matrix, Name, full: true);
        Same(u, svd.U);
        Same(s, svd.S);
        Same(vh, svd.Vh);
    }, iter: 50);

    [Theory]
    [InlineData("zeros")]
    [InlineData("identity")]
    [InlineData("repeated")]
    [InlineData("random")]
    public void Both_algorithms_factor_degenerate_matrices(string kind)
    {
        using var scope = Tidy.Scope();
        var turn = linalg.qr(Draw(5, 6, 6)).Q;
        var matrix = kind switch
        {
            "zeros" => zeros(6, 6, ScalarType.Float64),
            "identity" => eye(6, dtype: ScalarType.Float64),
            "repeated" => turn.matmul(diag(tensor([2.0, 2, 2, -1, -1, 0]))).matmul(turn.t()),
            _ => Draw(3, 6, 6) + Draw(3, 6, 6).t(),
        };
        var (values, vectors) = Factorization.Eigen(matrix, Name);
        Rebuilt(matrix, values, vectors);
        var other = OtherFactorizations.Eigen(matrix);
        Rebuilt(matrix, other[0], other[1]);
        Near(values, other[0]);
        foreach (var rows in new long[] { 3, 6 })
            foreach (var full in new[] { false, true })
            {
                var wide = matrix.narrow(0, 0, rows);
                Rebuilt(wide, full, OtherFactorizations.Svd(wide, full));
                Rebuilt(wide.t(), full, OtherFactorizations.Svd(wide.t(), full));
                Near(linalg.svdvals(wide), OtherFactorizations.Svd(wide, full)[1]);
                Near(linalg.pinv(wide, 1e-9), OtherFactorizations.PseudoInverse(wide, 1e-9));
            }
    }

    [Fact]
    public void Both_algorithms_take_batches()
    {
        using var scope = Tidy.Scope();
        var matrices = Draw(2, 4, 3, 3);
        var svd = OtherFactorizations.Svd(matrices, full: false);
        Near(matrices, (svd[0] * svd[1].unsqueeze(-2)).matmul(svd[2]));
        var symmetric = matrices + matrices.transpose(1, 2);
        Near(linalg.eigvalsh(symmetric), OtherFactorizations.Eigen(symmetric)[0]);
        var definite = matrices.matmul(matrices.transpose(1, 2));
        Near(linalg.cholesky(definite), OtherFactorizations.Cholesky(definite)[0]);
    }

    [Fact]
    public void Singular_systems_still_have_a_solution()
    {
        using var scope = Tidy.Scope();
        var singular = ones(3, 3, ScalarType.Float64);
        var right = ones(3, 1, ScalarType.Float64);
        Near(right, singular.matmul(Factorization.Solve(singular, right, Name)), 1e-6);
        Assert.True(Factorization.Inverse(singular, Name).isfinite().all().ToBoolean());
        Same(zeros(2, 2, ScalarType.Float64), Factorization.Inverse(zeros(2, 2, ScalarType.Float64), Name));
        var lower = Factorization.Cholesky(singular, Name);
        Near(singular, lower.matmul(lower.t()), 1e-9);
        Assert.Null(Factorization.CholeskyOrNull(-singular));
    }

    [Fact]
    public void The_nearest_factor_stands_in_for_an_indefinite_matrix()
    {
        using var scope = Tidy.Scope();
        var matrix = diag(tensor([4.0, -1e-3, 1]));
        var lower = Factorization.Cholesky(matrix, Name);
        Near(diag(tensor([4.0, 0, 1])), lower.matmul(lower.t()), 1e-9);
        Same(lower.tril(), lower);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Numbers_that_are_not_finite_are_a_sentence(double value)
    {
        using var scope = Tidy.Scope();
        var matrix = eye(3, dtype: ScalarType.Float64);
        matrix[0, 0] = value;
        var right = ones(3, 1, ScalarType.Float64);
        foreach (var factor in new Action[]
        {
            () => Factorization.Eigen(matrix, Name), () => Factorization.EigenValues(matrix, Name), () => Factorization.Svd(matrix, Name),
            () => Factorization.SingularValues(matrix, Name), () => Factorization.Cholesky(matrix, Name),
            () => Factorization.Solve(right.matmul(right.t()) * value, right, Name), () => Factorization.Inverse(matrix * value, Name),
            () => Factorization.PseudoInverse(matrix, Name), () => Factorization.LeastSquares(matrix, right, Name),
        })
            Assert.Matches("^The test's matrix.* has numbers that are not finite", Assert.Throws<AfterimageException>(factor).Message);
        var message = Assert.Throws<AfterimageException>(() => Factorization.Cholesky(-eye(3, dtype: ScalarType.Float64), Name)).Message;
        Assert.StartsWith("The test's matrix could not be factored", message);
    }

    private static Tensor Draw(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(shape, ScalarType.Float64, generator: generator);
    }

    private static void Rebuilt(Tensor matrix, Tensor values, Tensor vectors)
    {
        Near(matrix, (vectors * values).matmul(vectors.t()));
        Near(eye(values.shape[0], dtype: ScalarType.Float64), vectors.t().matmul(vectors));
        Assert.True((values.diff() >= -1e-12).all().ToBoolean());
    }

    private static void Rebuilt(Tensor matrix, bool full, Tensor[] svd)
    {
        var rank = svd[1].shape[0];
        Near(matrix, (svd[0].narrow(1, 0, rank) * svd[1]).matmul(svd[2].narrow(0, 0, rank)));
        Near(eye(svd[0].shape[1], dtype: ScalarType.Float64), svd[0].t().matmul(svd[0]));
        Near(eye(svd[2].shape[0], dtype: ScalarType.Float64), svd[2].matmul(svd[2].t()));
        if (full)
            Assert.Equal(matrix.shape, new[] { svd[0].shape[0], svd[2].shape[0] });
    }

    private static void Same(Tensor expected, Tensor actual) => Near(expected, actual, 1e-9 * (1 + expected.abs().max().ToDouble()));

    private static void Near(Tensor expected, Tensor actual, double error = 1e-10)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - actual).abs().max().ToDouble() <= error);
    }
}
