using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>Doubts that only the cases together raise: whether the numbers would come out alike another time.</summary>
public static class AuditFindings
{
    /// <summary>Images from which a spread over images means something.</summary>
    public const int EnoughImages = 10;

    /// <summary>Findings over all cases of an audit.</summary>
    public static ImmutableArray<Finding> Of(IReadOnlyList<CaseReport> cases)
    {
        Finding?[] found = [Sample(cases), Failures(cases), cases.Count > 1 ? IdentificationFinding.Of(cases) : null];
        return [.. found.OfType<Finding>()];
    }

    private static Finding? Sample(IReadOnlyList<CaseReport> cases)
    {
        var images = cases.Sum(report => report.Images.Length);
        var seeds = cases.Select(report => report.Seed).Distinct().Count();
        var (imageWord, seedWord) = (images == 1 ? "image" : "images", seeds == 1 ? "seed" : "seeds");
        return images >= EnoughImages && seeds > 1 || images == 0 ? null : new(Severity.Note,
            $"These figures come from {images} {imageWord} and {seeds} {seedWord}: " +
            $"repeat with at least {EnoughImages} images and several seeds before quoting them.");
    }

    private static Finding? Failures(IReadOnlyList<CaseReport> cases)
    {
        var failed = cases.Count(report => report.Verdict.Level == LeakLevel.Inconclusive);
        return failed == 0 || cases.Count == 1 ? null : new(Severity.Warning,
            $"In {failed} of {cases.Count} cases the attack did not explain the update: do not count them as protected.");
    }
}
