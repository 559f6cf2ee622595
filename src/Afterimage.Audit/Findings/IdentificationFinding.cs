using System.Globalization;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>How often the true image is the nearest of a pool, with a Wilson interval (Wilson, 1927) and the rate of chance.</summary>
public static class IdentificationFinding
{
    private const double Quantile = 1.959964;

    /// <summary>Null where nobody ranked anything.</summary>
    public static Finding? Of(IReadOnlyList<CaseReport> cases)
    {
        var ranked = cases.Where(report => report.Pool > 0 && report.Metrics.ContainsKey(Identification.Key)).ToArray();
        var ranks = ranked.SelectMany(report => report.Images).Select(image => image.Metrics[Identification.Key]).ToArray();
        if (ranks.Length == 0)
            return null;
        var (found, pool) = (ranks.Count(rank => rank == 1), ranked.Min(report => report.Pool));
        var (low, high) = Wilson(found, ranks.Length);
        return new(Severity.Note, string.Create(CultureInfo.InvariantCulture,
            $"{found} of {ranks.Length} reconstruction{(ranks.Length == 1 ? " is nearer to its" : "s are nearer to their")} true image " +
            $"than to any other of {pool} candidates ({100 * low:0} to {100 * high:0} % with 95 % confidence; " +
            $"chance {100.0 / pool:0.0} %)."));
    }

    /// <summary>The 95 % interval of a rate, in [0,1].</summary>
    public static (double Low, double High) Wilson(int successes, int trials)
    {
        var (n, p, z) = ((double)trials, (double)successes / trials, Quantile);
        var center = (p + z * z / (2 * n)) / (1 + z * z / n);
        var half = z / (1 + z * z / n) * Math.Sqrt(p * (1 - p) / n + z * z / (4 * n * n));
        return (Math.Max(0, center - half), Math.Min(1, center + half));
    }
}
