using MathNet.Numerics.Distributions;

namespace Afterimage.Privacy;

/// <summary>
/// Noise on something of bounded sensitivity: what formula and exact computation say of it. The ratio mu of sensitivity to deviation is all
/// that counts, and grows with the root of the rounds.
/// </summary>
[Cites("balle2018improving", "dwork2014algorithmic")]
public static class GaussianMechanism
{
    private const double LargestEpsilon = 1e12;

    /// <summary>The exact delta at an epsilon (Balle and Wang, 2018): Phi(mu/2 - e/mu) - exp(e) Phi(-mu/2 - e/mu).</summary>
    /// <param name="mu">Sensitivity over deviation, at least 0.</param>
    /// <param name="epsilon">At least 0.</param>
    public static double Delta(double mu, double epsilon) => mu == 0 ? 0
        : Normal.CDF(0, 1, mu / 2 - epsilon / mu) - Math.Exp(epsilon + LogTail(mu / 2 + epsilon / mu));

    /// <summary>The exact epsilon at a delta; infinity above 1e12.</summary>
    /// <param name="mu">Sensitivity over deviation, at least 0; infinity without noise.</param>
    /// <param name="delta">In (0,1).</param>
    public static double Epsilon(double mu, double delta)
    {
        if (mu == 0 || Delta(mu, 0) <= delta)
            return 0;
        var (low, high) = (0.0, 1.0);
        while (!(Delta(mu, high) <= delta))
            if ((high *= 2) > LargestEpsilon || double.IsInfinity(mu))
                return double.PositiveInfinity;
        for (var i = 0; i < 200 && high - low > 1e-12 * high; i++)
            (low, high) = (low + high) / 2 is var middle && Delta(mu, middle) <= delta ? (low, middle) : ((low + high) / 2, high);
        return high;
    }

    /// <summary>The deviation of the classical formula, proven for epsilon up to 1: s sqrt(2 ln(1.25/delta)) / epsilon.</summary>
    public static double ClassicalDeviation(double sensitivity, double epsilon, double delta) =>
        sensitivity * Math.Sqrt(2 * Math.Log(1.25 / delta)) / epsilon;

    /// <summary>ln(1 - Phi(x)), also where the tail is below the range of numbers.</summary>
    private static double LogTail(double x) => x < 30 ? Math.Log(Normal.CDF(0, 1, -x))
        : -x * x / 2 - Math.Log(x * Math.Sqrt(2 * Math.PI)) + Math.Log(1 - 1 / (x * x) + 3 / Math.Pow(x, 4));
}
