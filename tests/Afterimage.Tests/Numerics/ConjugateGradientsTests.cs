using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics;

public class ConjugateGradientsTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void They_solve_what_a_factorization_solves(bool conditioned)
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(1).Generator(CPU);
        var root = randn([30, 30], ScalarType.Float64, CPU, generator: generator);
        var matrix = root.matmul(root.t()) + diag(arange(1, 31, ScalarType.Float64));
        var right = randn([30], ScalarType.Float64, CPU, generator: generator);
        var expected = linalg.solve(matrix, right);
        Func<Tensor, Tensor>? condition = conditioned ? rest => rest / matrix.diagonal() : null;
        foreach (var start in (Tensor?[])[null, ones_like(right)])
        {
            var (found, products) = ConjugateGradients.Solve(right, x => matrix.matmul(x), condition, 500, 1e-26, start);
            Assert.True(found.allclose(expected, rtol: 1e-8, atol: 1e-10));
            Assert.InRange(products, 10, 60);
        }
        Assert.Equal(3, ConjugateGradients.Solve(right, x => matrix.matmul(x), condition, 3, 1e-26).Products);
    }
}
