namespace Afterimage.Leakage;

/// <summary>
/// The squared singular values of an update's Jacobian times the root of a prior, and how much of the prior's variance lies
/// along each. All forecasts are sums over it.
/// </summary>
/// <param name="Values">At least 0, in any order.</param>
/// <param name="Weights">Their sum is the prior's variance of the whole batch.</param>
public sealed record SpectralMeasure(ValueList<double> Values, ValueList<double> Weights)
{
    /// <summary>The prior's variance of the whole batch.</summary>
    public double Total => Weights.Sum();

    /// <summary>Expected squared error of the best linear estimator over the batch: the trace of the posterior covariance.</summary>
    /// <param name="noise">Deviation of the noise, in the units of the Jacobian's rows; more than 0.</param>
    public double Remaining(double noise)
    {
        var sum = 0.0;
        for (var k = 0; k < Values.Count; k++)
            sum += Weights[k] / (1 + Values[k] / (noise * noise));
        return sum;
    }

    /// <summary>The sum of each value times its weight.</summary>
    public double Trace()
    {
        var sum = 0.0;
        for (var k = 0; k < Values.Count; k++)
            sum += Values[k] * Weights[k];
        return sum;
    }
}

/// <summary>Two measures between which every forecast lies; both the same where the spectrum is exact.</summary>
/// <param name="Optimistic">Its remaining variance is at most the true one.</param>
/// <param name="Pessimistic">Its remaining variance is at least the true one.</param>
/// <param name="Least">What remains at least whatever the noise.</param>
public sealed record SpectralBracket(SpectralMeasure Optimistic, SpectralMeasure Pessimistic, double Least = 0)
{
    /// <summary>A bracket around a spectrum that is known.</summary>
    public static SpectralBracket Exact(SpectralMeasure measure) => new(measure, measure);

    /// <summary>The smallest and the largest that may remain.</summary>
    public (double Least, double Most) Remaining(double noise)
    {
        var least = Math.Max(Least, Optimistic.Remaining(noise));
        return (least, Math.Max(least, Pessimistic.Remaining(noise)));
    }
}
