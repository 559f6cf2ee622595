using Afterimage.Images;

namespace Afterimage.Leakage;

/// <summary>
/// All singular values and right singular vectors of J T, by eigen-decomposition of T'J'JT. A squared matrix tells singular
/// values below about 1e-8 of the largest from nothing, so those directions are decomposed once more by themselves, with
/// fresh products: that reaches about 1e-11 of the largest, without ever storing J.
/// </summary>
internal sealed class ExactSpectrum : IDisposable
{
    private const double Doubtful = 1e-9, Zero = 1e-20;
    private const string Name = "The squared Jacobian";
    private const long SpreadVectors = 64;

    /// <param name="jacobian">J.</param>
    /// <param name="prior">T.</param>
    /// <param name="gram">J'J, as <see cref="UpdateJacobian.Gram"/> gives it.</param>
    /// <exception cref="OperationCanceledException">The Jacobian was stopped.</exception>
    public ExactSpectrum(UpdateJacobian jacobian, GaussianImages prior, Tensor gram)
    {
        using var scope = Tidy.Scope();
        var count = gram.shape[0];
        long[] many = [count * jacobian.Shape[0], .. jacobian.Shape[1..]];
        var half = prior.Analyze(gram.view(many)).view(count, count);
        var squared = prior.Analyze(half.t().contiguous().view(many)).view(count, count);
        jacobian.Say($"decomposes {count:N0} directions ({prior.Name})");
        var (values, vectors) = Factorization.Eigen((squared + squared.t()) / 2, Name, jacobian.Stop);
        var largest = values[-1].ToDouble();
        var doubtful = (values < Doubtful * largest).sum().ToInt64();
        if (doubtful > 0 && largest > 0)
        {
            var basis = vectors.narrow(1, 0, doubtful);
            var projected = Projected(jacobian, prior, basis);
            jacobian.Say($"decomposes {doubtful:N0} directions anew ({prior.Name})");
            var (fine, turn) = Factorization.Eigen(projected, Name, jacobian.Stop);
            values.narrow(0, 0, doubtful).copy_(fine);
            basis.copy_(basis.matmul(turn));
        }
        Values = [.. values.data<double>().ToArray().Select(value => value > Zero * largest ? value : 0)];
        var directions = prior.Synthesize(vectors.t().contiguous()).view(count, count);
        Directions = directions.DetachFromDisposeScope();
        SecondPass = doubtful;
    }

    /// <summary>
    /// Squared singular values, 0 below 1e-10 of the largest singular value. Those of the second pass come first, each pass ascending.
    /// </summary>
    public double[] Values { get; }

    /// <summary>T v for every right singular vector v: one image batch in each row, in the order of the values.</summary>
    public Tensor Directions { get; }

    /// <summary>Directions that were decomposed twice.</summary>
    public long SecondPass { get; }

    public SpectralMeasure Measure()
    {
        using var scope = Tidy.Scope();
        return new(Values.ToValueList(), Directions.square().sum(dim: 1).data<double>().ToArray().ToValueList());
    }

    /// <summary>The posterior variance of every pixel, flat.</summary>
    public Tensor Remaining(double noise) => Tidy.Keep(() =>
        (Directions.square() / (1 + tensor(Values, ScalarType.Float64) / (noise * noise)).view(-1, 1)).sum(dim: 0));

    /// <summary>
    /// One standard deviation of the squared error of one batch, relative to its mean: sqrt(2 tr P^2) / tr P with the posterior
    /// covariance P, the trace of P^2 from random vectors.
    /// </summary>
    public double Spread(double noise, RandomSource random)
    {
        using var scope = Tidy.Scope();
        using var generator = random.Derive("spread").Generator(CPU);
        var left = 1 / (1 + tensor(Values, ScalarType.Float64) / (noise * noise)).view(-1, 1);
        var z = randn([Directions.shape[1], SpreadVectors], ScalarType.Float64, CPU, generator: generator);
        var square = Directions.t().matmul(left * Directions.matmul(z)).square().sum().ToDouble() / SpreadVectors;
        return Math.Sqrt(2 * square) / (Directions.square() * left).sum().ToDouble();
    }

    public void Dispose() => Directions.Dispose();

    private static Tensor Projected(UpdateJacobian jacobian, GaussianImages prior, Tensor basis) => Tidy.Keep(() =>
    {
        var products = empty([basis.shape[1], basis.shape[0]], ScalarType.Float64);
        for (var k = 0L; k < basis.shape[1]; k++)
        {
            using var column = Tidy.Scope();
            jacobian.Say($"looks closer ({prior.Name})", k, basis.shape[1], "directions");
            var image = prior.Synthesize(basis.select(1, k).contiguous());
            products[k].copy_(prior.Analyze(jacobian.Transpose(jacobian.Apply(image))).view(-1));
        }
        var projected = products.matmul(basis);
        return (projected + projected.t()) / 2;
    });
}
