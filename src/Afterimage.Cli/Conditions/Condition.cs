using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Conditions;

/// <summary>
/// A condition on a case, such as <c>ssim.max &gt; 0.6 or verdict &gt;= recognizable</c>: comparisons of a metric's statistic with a
/// number, or of the verdict with a level, joined by "and", which binds more tightly, and "or".
/// </summary>
/// <param name="Text">The condition as written.</param>
/// <param name="Alternatives">It holds if all comparisons of one alternative hold.</param>
internal sealed record Condition(string Text, ValueList<ValueList<Comparison>> Alternatives)
{
    /// <exception cref="AfterimageException">The text is not a condition.</exception>
    public static Condition Parse(string text) => new ConditionParser(text).Parse();

    /// <summary>Whether a case fulfills the condition; a case without metrics, because it crashed or was refused, does not.</summary>
    /// <exception cref="AfterimageException">The condition names a metric that the case does not have.</exception>
    public bool Holds(CaseReport report)
    {
        if (report.Metrics.IsEmpty)
            return false;
        Check(report.Metrics.Keys);
        return Alternatives.Any(all => all.All(comparison => comparison.Holds(report)));
    }

    /// <exception cref="AfterimageException">The condition names a metric that is not among these.</exception>
    public void Check(IEnumerable<string> metrics)
    {
        var known = metrics.ToHashSet();
        var named = Alternatives.SelectMany(all => all).OfType<MetricComparison>();
        if (named.FirstOrDefault(comparison => !known.Contains(comparison.Metric)) is { } wrong)
            throw new AfterimageException($"The condition \"{Text}\" names the metric \"{wrong.Metric}\"; " +
                $"there are {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
    }
}
