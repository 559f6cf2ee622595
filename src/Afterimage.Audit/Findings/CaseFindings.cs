using System.Collections.Immutable;
using Afterimage.Reports;
using static Afterimage.Audit.Findings.Sentence;

namespace Afterimage.Audit.Findings;

/// <summary>Doubts and explanations of the numbers of one case; each rule reads a finished report with its verdict.</summary>
public sealed class CaseFindings(VerdictRule rule)
{
    private const double SinglePrecision = 1e-6, BelowSinglePrecision = 1e-8;

    /// <summary>Findings by the standard verdict rule.</summary>
    public static CaseFindings Standard { get; } = new(VerdictRule.Standard);

    /// <summary>What a reader of one case's figures has to know.</summary>
    /// <param name="report">The case with its verdict.</param>
    /// <param name="floor">The relative misfit of the true images: above 0 where a defense adds noise.</param>
    public ImmutableArray<Finding> Of(CaseReport report, double floor = 0)
    {
        Finding?[] found =
        [
            Leak(report), Interrupted(report), NotExplained(report, floor), Undetermined(report, floor), PublicKnowledge(report),
            NoReference(report), WrongLabels(report), GivenLabels(report), Floor(report), IdentificationFinding.Of([report]),
        ];
        return [.. found.OfType<Finding>()];
    }

    /// <summary>A draft report with its verdict and findings.</summary>
    public CaseReport Conclude(CaseReport draft, double floor = 0)
    {
        var judged = draft with { Verdict = rule.Of(draft, floor) };
        return judged with { Findings = Of(judged, floor) };
    }

    private static Finding? Leak(CaseReport report)
    {
        if (report.Verdict.Level is not (LeakLevel.Exact or LeakLevel.Recognizable))
            return null;
        var image = report.Images.MaxBy(image => image.Metrics["psnr"])!;
        var name = image.TrueLabel is { } label ? $"Image {image.Index} ({label})" : $"Image {image.Index}";
        return new(Severity.Leak,
            $"{name} came back best, with PSNR {Decibels(image.Metrics["psnr"])} dB and SSIM {Plain(image.Metrics["ssim"])}.");
    }

    private static Finding? Interrupted(CaseReport report) => report.Outcome is "Diverged" or "Refused" or "Crashed" or "Canceled"
        ? new(Severity.Warning, $"The attack did not run to its end ({report.Outcome}), so these figures are a lower bound of what leaks.")
        : null;

    private Finding? NotExplained(CaseReport report, double floor) => Weak(report) && !rule.Explains(report.RelativeMisfit, floor)
        ? new(Severity.Warning, $"The reconstruction does not explain the update (relative misfit {Misfit(report.RelativeMisfit)}): " +
            "the attack failed, and its failure is no protection. More restarts, more iterations or another solver may succeed.")
        : null;

    private Finding? Undetermined(CaseReport report, double floor) =>
        Weak(report) && report.Verdict.Level != LeakLevel.Unjudged && rule.Explains(report.RelativeMisfit, floor)
        ? new(Severity.Note, $"The reconstruction explains the update (relative misfit {Misfit(report.RelativeMisfit)}) although the " +
            "images are wrong: other images give the same update, so the update alone does not determine them. " +
            "A prior may still choose the right ones.")
        : null;

    private static Finding? PublicKnowledge(CaseReport report)
    {
        var below = report.Images.Count(image =>
            image.Metrics.TryGetValue("psnr", out var psnr) && VerdictRule.BestBaseline(image, "psnr") is { } baseline && psnr <= baseline);
        return below == 0 ? null : new(Severity.Note,
            $"{below} of {report.Images.Length} reconstructions {(below == 1 ? "is" : "are")} no closer to the truth in PSNR than a " +
            "public image: no more than public knowledge.");
    }

    private static Finding? NoReference(CaseReport report)
    {
        var judged = report.Images.Any(image => image.Metrics.Count > 0);
        var compared = report.Images.Any(image => image.Baselines.Keys.Any(name => name != Judging.Baselines.Gray));
        return judged && !compared
            ? new(Severity.Warning, "No public images were given, so the figures have no reference but a gray image: " +
                "add public data of the same kind.")
            : null;
    }

    private static Finding? WrongLabels(CaseReport report) => report.LabelAccuracy is { } accuracy and < 1
        ? new(Severity.Warning, $"Only {Math.Round(accuracy * report.Images.Length):0} of {report.Images.Length} labels were recovered: " +
            "an image that is fitted with a wrong label cannot come back, so try another label recovery.")
        : null;

    private static Finding? GivenLabels(CaseReport report) => report.Assumptions.Any(known => known is { Topic: "labels", Given: true })
        ? new(Severity.Note, "The labels were given to the attacker; a server usually has to infer them first.")
        : null;

    private static Finding? Floor(CaseReport report) => report.RelativeMisfit is > BelowSinglePrecision and <= SinglePrecision
        ? new(Severity.Note, $"The relative misfit of {Misfit(report.RelativeMisfit)} is at the rounding of single precision numbers: " +
            "more iterations cannot improve it, and differences between such results mean nothing.")
        : null;

    private static bool Weak(CaseReport report) => report.Verdict.Level is not (LeakLevel.Exact or LeakLevel.Recognizable);
}
