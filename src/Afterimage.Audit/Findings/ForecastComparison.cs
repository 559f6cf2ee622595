using System.Reflection;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>Tests the forecasts of an audit against its attacks: rank correlation (Spearman, 1904), and bounds that were passed.</summary>
[Cites("spearman1904proof")]
public static class ForecastComparison
{
    private const int Fewest = 3;

    /// <summary>Keys of the papers behind the comparison.</summary>
    public static IEnumerable<string> Cites => typeof(ForecastComparison).GetCustomAttribute<CitesAttribute>()!.Keys;

    /// <summary>Compares the forecasts of cases with what their attacks reached.</summary>
    /// <returns>Null with fewer than three cases that have a forecast that can be tested and a result.</returns>
    public static LeakageComparison? Of(IReadOnlyList<CaseReport> cases)
    {
        var both = cases.Where(found => found.Leakage?.CanBeTested() == true && LeakageSentence.Reached(found) is not null).ToArray();
        if (both.Length < Fewest)
            return null;
        double[] forecast = [.. both.Select(found => Middle(found.Leakage!.Forecast().Images))];
        double[] reached = [.. both.Select(found => LeakageSentence.Reached(found)!.Value)];
        double[] gaps = [.. forecast.Zip(reached, (best, real) => best - real)];
        return new(both.Length, Spearman(forecast, reached), both.Zip(reached).Count(pair => Passes(pair.First.Leakage!, pair.Second)),
            Spread.Of(gaps).Median);
    }

    /// <summary>Rank correlation, ties sharing their mean rank; 0 where one side does not vary.</summary>
    public static double Spearman(IReadOnlyList<double> left, IReadOnlyList<double> right)
    {
        var (x, y) = (Ranks(left), Ranks(right));
        var mean = (left.Count + 1) / 2.0;
        double Sum(double[] a, double[] b) => a.Zip(b, (first, second) => (first - mean) * (second - mean)).Sum();
        var scale = Math.Sqrt(Sum(x, x) * Sum(y, y));
        return scale > 0 ? Sum(x, y) / scale : 0;
    }

    /// <summary>
    /// Whether an error is smaller than the bound allows. The bound holds for the expectation, so the error of one batch may stay below
    /// it by three relative deviations of its squared error.
    /// </summary>
    private static bool Passes(CaseLeakage leakage, double reached) =>
        reached - leakage.Forecast().VanTrees > 30 * Math.Log10(Math.E) * (leakage.Spread ?? 0);

    private static double Middle(Bracket bracket) => (bracket.Low + bracket.High) / 2;

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var ranks = new double[values.Count];
        var ordered = values.Index().OrderBy(at => at.Item).Select((at, rank) => (at.Index, at.Item, Rank: rank + 1));
        foreach (var group in ordered.GroupBy(at => at.Item))
            foreach (var (index, _, _) in group)
                ranks[index] = group.Average(at => at.Rank);
        return ranks;
    }
}
