using System.Collections.Immutable;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Conditions;

/// <summary>A comparison of something that a case has with a constant.</summary>
/// <param name="Relation">How they are compared.</param>
internal abstract record Comparison(Relation Relation)
{
    public abstract bool Holds(CaseReport report);

    protected bool Compare(double value, double constant) => Relation switch
    {
        Relation.Less => value < constant,
        Relation.AtMost => value <= constant,
        Relation.Greater => value > constant,
        Relation.AtLeast => value >= constant,
        Relation.Equal => value == constant,
        _ => value != constant,
    };
}

/// <summary>A comparison of a metric's statistic over the images of the case with a number.</summary>
/// <param name="Metric">For example "psnr".</param>
/// <param name="Statistic">A statistic over the images of the case.</param>
/// <param name="Relation">How they are compared.</param>
/// <param name="Number">The constant.</param>
internal sealed record MetricComparison(string Metric, Statistic Statistic, Relation Relation, double Number) : Comparison(Relation)
{
    public override bool Holds(CaseReport report) => Compare(Statistic.Of(report.Metrics[Metric]), Number);
}

/// <summary>A comparison of the verdict with a level; an inconclusive verdict lies nowhere on the scale, so it fulfills none.</summary>
/// <param name="Relation">How they are compared.</param>
/// <param name="Level">One of <see cref="Levels"/>.</param>
internal sealed record VerdictComparison(Relation Relation, LeakLevel Level) : Comparison(Relation)
{
    /// <summary>From the least to the worst.</summary>
    public static ImmutableArray<LeakLevel> Levels { get; } =
        [LeakLevel.Nothing, LeakLevel.Traces, LeakLevel.Recognizable, LeakLevel.Exact];

    public override bool Holds(CaseReport report) =>
        Levels.IndexOf(report.Verdict.Level) is >= 0 and var place && Compare(place, Levels.IndexOf(Level));
}

/// <summary>A comparison of the share of images that are nearest to their own true image in a pool with a number in [0,1].</summary>
/// <param name="Relation">How they are compared.</param>
/// <param name="Number">The constant.</param>
internal sealed record IdentificationComparison(Relation Relation, double Number) : Comparison(Relation)
{
    public override bool Holds(CaseReport report) => report.Identification is { } found && Compare(found.Rate(), Number);
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
