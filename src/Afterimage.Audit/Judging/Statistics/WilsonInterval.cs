namespace Afterimage.Audit.Judging;

/// <summary>The interval of a rate that is right 95 times in 100 (Wilson, 1927).</summary>
[Cites("wilson1927probable")]
public static class WilsonInterval
{
    private const double Quantile = 1.959964;

    /// <summary>The interval, in [0,1].</summary>
    /// <param name="successes">From 0 to <paramref name="trials"/>.</param>
    /// <param name="trials">At least 1.</param>
    public static (double Low, double High) Of(int successes, int trials)
    {
        var (n, p, z) = ((double)trials, (double)successes / trials, Quantile);
        var center = (p + z * z / (2 * n)) / (1 + z * z / n);
        var half = z / (1 + z * z / n) * Math.Sqrt(p * (1 - p) / n + z * z / (4 * n * n));
        return (successes == 0 ? 0 : Math.Max(0, center - half), successes == trials ? 1 : Math.Min(1, center + half));
    }
}
