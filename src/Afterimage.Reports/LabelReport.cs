using System.Collections.Immutable;

namespace Afterimage.Reports;

/// <summary>The labels of a batch as recovered from its update.</summary>
public sealed record LabelReport
{
    /// <summary>The rule, for example refined-counts.</summary>
    public required string Rule { get; init; }

    /// <summary>Number of images in the batch, known or estimated.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The probability that the estimated batch size is right, in [0,1]; null where it was known.</summary>
    public double? BatchSizeConfidence { get; init; }

    /// <summary>The classes that were recovered or are probable, and those of the truth.</summary>
    public ImmutableArray<LabelCount> Classes { get; init; } = [];

    /// <summary>The evidence, one sentence each.</summary>
    public ImmutableArray<string> Reasons { get; init; } = [];
}

/// <summary>How many images of a class are in a batch.</summary>
/// <param name="Name">Name of the class.</param>
/// <param name="Count">The recovered number of images.</param>
/// <param name="Confidence">The attacker's probability that the count is right, in [0,1].</param>
/// <param name="TrueCount">The true number of images; null without the truth.</param>
public sealed record LabelCount(string Name, int Count, double Confidence, int? TrueCount = null);
