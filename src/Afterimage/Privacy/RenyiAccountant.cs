using MathNet.Numerics;

namespace Afterimage.Privacy;

/// <summary>
/// Renyi differential privacy of the subsampled Gaussian mechanism (Mironov, Talwar and Zhang, 2019): every round takes each example with
/// probability q and adds noise of deviation z in units of the clipping norm. Neighboring data sets differ in one example that is there
/// or not.
/// </summary>
[Cites("mironov2019renyi")]
public static class RenyiAccountant
{
    /// <summary>The orders over which the best bound is taken.</summary>
    public static ValueList<double> Orders { get; } =
    [
        .. Enumerable.Range(11, 99).Select(tenth => tenth / 10.0), .. Enumerable.Range(11, 54).Select(order => (double)order),
        80, 96, 128, 192, 256, 384, 512, 1024,
    ];

    /// <summary>The Renyi divergence of one round.</summary>
    /// <param name="order">Above 1.</param>
    /// <param name="noise">Noise multiplier, above 0.</param>
    /// <param name="rate">Probability that an example takes part, in [0,1].</param>
    public static double Divergence(double order, double noise, double rate) => rate == 0 ? 0
        : rate == 1 ? order / (2 * noise * noise)
        : (order == Math.Floor(order) ? Sum((int)order, noise, rate) : Integral(order, noise, rate)) / (order - 1);

    /// <summary>The epsilon of several rounds at a delta, by the conversion of Canonne, Kamath and Steinke (2020).</summary>
    /// <param name="noise">Noise multiplier, above 0.</param>
    /// <param name="rate">Probability that an example takes part in a round, in [0,1].</param>
    /// <param name="rounds">At least 0.</param>
    /// <param name="delta">In (0,1).</param>
    public static double Epsilon(double noise, double rate, long rounds, double delta) => Best(noise, rate, rounds, (order, divergence) =>
        divergence + Math.Log((order - 1) / order) - (Math.Log(delta) + Math.Log(order)) / (order - 1));

    /// <summary>The epsilon by the older conversion of Mironov (2017), in which tables up to 2020 were published.</summary>
    /// <inheritdoc cref="Epsilon"/>
    public static double OlderEpsilon(double noise, double rate, long rounds, double delta) =>
        Best(noise, rate, rounds, (order, divergence) => divergence - Math.Log(delta) / (order - 1));

    private static double Best(double noise, double rate, long rounds, Func<double, double, double> convert) =>
        rate == 0 || rounds == 0 ? 0
            : Math.Max(0, Orders.Min(order => convert(order, rounds * Divergence(order, noise, rate)) is var found && double.IsNaN(found)
                ? double.PositiveInfinity : found));

    /// <summary>The logarithm of the moment of a whole order, a binomial sum.</summary>
    private static double Sum(int order, double noise, double rate) => LogSum([.. Enumerable.Range(0, order + 1).Select(k =>
        SpecialFunctions.BinomialLn(order, k) + (order - k) * Math.Log(1 - rate) + k * Math.Log(rate)
        + ((double)k * k - k) / (2 * noise * noise))]);

    /// <summary>
    /// The logarithm of E[((1 - q) + q exp((2x - 1) / 2z²))^a] over x ~ N(0, z²), by the trapezoidal rule, which is exact to rounding for a
    /// function that decays so smoothly; its peak lies between 0 and the order.
    /// </summary>
    private static double Integral(double order, double noise, double rate)
    {
        var (step, from, to) = (noise / 64, -16 * noise, order + 16 * noise);
        var count = (int)Math.Min(2_000_000, Math.Ceiling((to - from) / step));
        step = (to - from) / count;
        var terms = new double[count + 1];
        for (var i = 0; i <= count; i++)
        {
            var x = from + i * step;
            var (rest, own) = (Math.Log(1 - rate), Math.Log(rate) + (2 * x - 1) / (2 * noise * noise));
            var larger = Math.Max(rest, own);
            terms[i] = order * (larger + Math.Log(Math.Exp(rest - larger) + Math.Exp(own - larger)))
                - x * x / (2 * noise * noise) - Math.Log(noise * Math.Sqrt(2 * Math.PI));
        }
        return Math.Max(0, LogSum(terms) + Math.Log(step));
    }

    private static double LogSum(double[] terms)
    {
        var largest = terms.Max();
        return largest + Math.Log(terms.Sum(term => Math.Exp(term - largest)));
    }
}
