using System.Collections.Immutable;
using Afterimage.Audit.Judging;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>How often each setting of an experiment reaches a threshold, over its seeds and trials.</summary>
public static class SuccessCurves
{
    /// <summary>Images of a setting from which a rate is told.</summary>
    public const int Fewest = 5;

    private const int MostSettings = 12;

    private static readonly ImmutableArray<(string Metric, ImmutableArray<double> Thresholds)> Metrics =
    [
        ("psnr", [.. Enumerable.Range(5, 16).Select(step => 2.0 * step)]),
        ("ssim", [.. Enumerable.Range(1, 9).Select(step => step / 10.0)]),
    ];

    /// <summary>A curve for each setting and metric; none where a setting has fewer than five judged images.</summary>
    public static ImmutableArray<SuccessCurve> Of(IReadOnlyList<CaseReport> cases)
    {
        var settings = cases.GroupBy(SettingName.Of).Take(MostSettings).ToArray();
        return
        [
            .. from metric in Metrics
               from setting in settings
               let values = setting.SelectMany(found => found.Images).Where(image => image.Metrics.ContainsKey(metric.Metric))
                   .Select(image => image.Metrics[metric.Metric]).ToArray()
               where values.Length >= Fewest
               select new SuccessCurve(setting.Key, metric.Metric, values.Length,
                   [.. metric.Thresholds.Select(threshold => Point(values, threshold))]),
        ];
    }

    private static SuccessPoint Point(double[] values, double threshold)
    {
        var reached = values.Count(value => value >= threshold);
        var (low, high) = WilsonInterval.Of(reached, values.Length);
        return new(threshold, (double)reached / values.Length, low, high);
    }
}
