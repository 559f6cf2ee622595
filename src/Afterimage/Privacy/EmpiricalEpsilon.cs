using MathNet.Numerics.Distributions;

namespace Afterimage.Privacy;

/// <summary>
/// What an attack proves of a mechanism: whoever finds the image of a client in a pool of N with probability p shows that the mechanism is
/// not (epsilon, delta)-private for any epsilon below ln(N (p - delta)). The rate is replaced by the lower end of its Clopper-Pearson
/// interval.
/// </summary>
/// <param name="Rate">The measured rate.</param>
/// <param name="Lower">The lower end of its one-sided interval.</param>
/// <param name="Epsilon">The lower bound of epsilon, at least 0.</param>
[Cites("jagielski2020auditing", "clopper1934use")]
public sealed record EmpiricalEpsilon(double Rate, double Lower, double Epsilon)
{
    /// <summary>The bound from a number of successes; the pool's other candidates must be drawn like the client's image.</summary>
    /// <param name="identified">Images that were found.</param>
    /// <param name="of">Images that were looked for.</param>
    /// <param name="pool">Candidates N, the true one among them.</param>
    /// <param name="delta">That of the claim, in [0,1).</param>
    /// <param name="confidence">Of the interval, in (0,1).</param>
    /// <exception cref="AfterimageException">The numbers do not fit together.</exception>
    public static EmpiricalEpsilon Of(int identified, int of, int pool, double delta, double confidence = 0.95)
    {
        if (of < 1 || identified < 0 || identified > of || pool < 2)
            throw new AfterimageException($"{identified} of {of} images in a pool of {pool} is no rate: give how many images were found, " +
                "how many were looked for, and a pool of at least 2.");
        var lower = Lowest(identified, of, confidence);
        return new((double)identified / of, lower, lower > delta ? Math.Max(0, Math.Log(pool * (lower - delta))) : 0);
    }

    /// <summary>
    /// The one-sided lower end of Clopper and Pearson (1934): the rate at which so many successes have probability 1 - confidence.
    /// </summary>
    internal static double Lowest(int identified, int of, double confidence) =>
        identified == 0 ? 0 : Beta.InvCDF(identified, of - identified + 1, 1 - confidence);
}
