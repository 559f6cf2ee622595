using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Conditions;

/// <summary>
/// A condition on a case, such as <c>ssim.max &gt; 0.6 or psnr.median &gt;= 25</c>: comparisons of a metric's statistic with a number,
/// joined by "and", which binds more tightly, and "or".
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
        return Alternatives.Any(all => all.All(comparison => comparison.Holds(report.Metrics)));
    }

    /// <exception cref="AfterimageException">The condition names a metric that is not among these.</exception>
    public void Check(IEnumerable<string> metrics)
    {
        var known = metrics.ToHashSet();
        if (Alternatives.SelectMany(all => all).FirstOrDefault(comparison => !known.Contains(comparison.Metric)) is { } wrong)
            throw new AfterimageException($"The condition \"{Text}\" names the metric \"{wrong.Metric}\"; " +
                $"there are {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
    }
}

/// <summary>A comparison of one number of a case with a constant.</summary>
/// <param name="Metric">For example "psnr".</param>
/// <param name="Statistic">A statistic over the images of the case.</param>
/// <param name="Relation">How they are compared.</param>
/// <param name="Number">The constant.</param>
internal sealed record Comparison(string Metric, Statistic Statistic, Relation Relation, double Number)
{
    public bool Holds(IReadOnlyDictionary<string, Spread> metrics)
    {
        var value = Statistic.Of(metrics[Metric]);
        return Relation switch
        {
            Relation.Less => value < Number,
            Relation.AtMost => value <= Number,
            Relation.Greater => value > Number,
            Relation.AtLeast => value >= Number,
            Relation.Equal => value == Number,
            _ => value != Number,
        };
    }
}

internal enum Relation { Less, AtMost, Greater, AtLeast, Equal, Different }

/// <summary>A statistic over images, by name.</summary>
internal sealed record Statistic(string Name, Func<Spread, double> Of)
{
    public static ValueList<Statistic> All { get; } =
    [
        new("min", spread => spread.Minimum),
        new("median", spread => spread.Median),
        new("mean", spread => spread.Mean),
        new("max", spread => spread.Maximum),
    ];
}
