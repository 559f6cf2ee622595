using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>A case that has ended, as the page lists it; the rest is read from its line of the journal when somebody asks.</summary>
internal sealed record CaseRow(string Id, string Name, double Seconds, JournalPlace Place)
{
    public ImmutableSortedDictionary<string, string>? Axes { get; init; }

    public string? Ending { get; init; }

    public LeakLevel? Level { get; init; }

    public string? Sentence { get; init; }

    /// <summary>Medians over the images, by metric.</summary>
    public ImmutableSortedDictionary<string, double>? Metrics { get; init; }

    public double? Misfit { get; init; }

    public int Images { get; init; }

    /// <summary>Whether there are true images to show beside.</summary>
    public bool HasTruth { get; init; }

    public static CaseRow Of(CaseResult ended, JournalPlace place) => ended switch
    {
        CaseFinished { Report: var found } => new(found.Id, found.Name, found.Cost.Seconds, place)
        {
            Axes = found.Axes,
            Ending = found.Ending,
            Level = found.Verdict.Level,
            Sentence = found.Verdict.Sentence,
            Metrics = found.Metrics.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value.Median),
            Misfit = found.RelativeMisfit,
            Images = found.Images.Length,
            HasTruth = found.Images.Any(image => image.Truth is not null),
        },
        LabelsRead read => new(read.Id, read.Name, read.Took, place) { Ending = "Labels read" },
        LeakageMeasured measured => new(measured.Id, measured.Case.Name, measured.Seconds, place) { Ending = "Leakage measured" },
        _ => new(ended.CaseId, ended.CaseId, ended.Seconds, place),
    };
}

/// <summary>Where a line of the journal stands; the page needs nothing of it.</summary>
internal readonly record struct JournalPlace(
    [property: System.Text.Json.Serialization.JsonIgnore] long Offset, [property: System.Text.Json.Serialization.JsonIgnore] int Length);
