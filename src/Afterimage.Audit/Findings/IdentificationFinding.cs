using System.Globalization;
using Afterimage.Audit.Judging;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>How often the true image is the nearest of a pool, with a Wilson interval (Wilson, 1927) and the rate of chance.</summary>
public static class IdentificationFinding
{
    /// <summary>Null where nobody ranked anything.</summary>
    public static Finding? Of(IReadOnlyList<CaseReport> cases)
    {
        if (Rate(cases) is not var (found, images, pool, low, high))
            return null;
        return new(Severity.Note, string.Create(CultureInfo.InvariantCulture,
            $"{found} of {images} reconstruction{(images == 1 ? " is nearer to its" : "s are nearer to their")} true image " +
            $"than to any other of {pool} candidates ({100 * low:0} to {100 * high:0} % with 95 % confidence; " +
            $"chance {100.0 / pool:0.0} %)."));
    }

    /// <summary>The rate over all images of some cases; null where nobody ranked anything.</summary>
    public static IdentificationRate? Rate(IReadOnlyList<CaseReport> cases)
    {
        var ranked = cases.Where(report => report.Pool > 0 && report.Metrics.ContainsKey(Identification.Key)).ToArray();
        var ranks = ranked.SelectMany(report => report.Images).Select(image => image.Metrics[Identification.Key]).ToArray();
        if (ranks.Length == 0)
            return null;
        var found = ranks.Count(rank => rank == 1);
        var (low, high) = WilsonInterval.Of(found, ranks.Length);
        return new(found, ranks.Length, ranked.Min(report => report.Pool), low, high);
    }
}
