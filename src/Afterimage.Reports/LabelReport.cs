using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>What an update says of the labels of its batch.</summary>
public sealed record LabelReport
{
    /// <summary>The rule, for example refined-counts.</summary>
    public required string Rule { get; init; }

    /// <summary>Images in the batch, as known or estimated.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Where the batch size was estimated: the probability that it is right, in [0,1]; null where it was known.</summary>
    public double? BatchSizeConfidence { get; init; }

    /// <summary>Classes that are in the batch, or may be, or are by the truth.</summary>
    public ImmutableArray<LabelCount> Classes { get; init; } = [];

    /// <summary>Why, one sentence each.</summary>
    public ImmutableArray<string> Reasons { get; init; } = [];
}

/// <param name="Name">Of the class.</param>
/// <param name="Count">Images of this class, as recovered.</param>
/// <param name="Confidence">The attacker's probability that the count is right, in [0,1].</param>
/// <param name="TrueCount">Null without the truth.</param>
public sealed record LabelCount(string Name, int Count, double Confidence, int? TrueCount = null);
