using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>
/// Turns numbers into how much leaked. No figure counts unless it beats every baseline of the same image, and a failure
/// counts as protection only when the attack explained the update. Docs: docs/metrics.md.
/// </summary>
public sealed record VerdictRule
{
    /// <summary>The thresholds that reports use.</summary>
    public static VerdictRule Standard { get; } = new();

    /// <summary>PSNR in decibels from which an image came back nearly pixel for pixel.</summary>
    public double ExactPsnr { get; init; } = 40;

    /// <summary>SSIM from which an image is recognizable.</summary>
    public double RecognizableSsim { get; init; } = 0.6;

    /// <summary>PSNR in decibels from which an image is recognizable, if it also gains <see cref="RecognizableGain"/>.</summary>
    public double RecognizablePsnr { get; init; } = 18;

    /// <summary>Decibels above the best baseline.</summary>
    public double RecognizableGain { get; init; } = 5;

    /// <summary>Decibels above the best baseline below which PSNR shows nothing.</summary>
    public double PsnrMargin { get; init; } = 1;

    /// <summary>Distance from the best baseline below which SSIM shows nothing.</summary>
    public double SsimMargin { get; init; } = 0.05;

    /// <summary>The relative misfit up to which a reconstruction explains the update.</summary>
    public double ExplainedMisfit { get; init; } = 1e-3;

    /// <summary>How much of one image came back, without regard to the attack's convergence.</summary>
    public LeakLevel Of(ImageReport image)
    {
        if (!image.Metrics.TryGetValue("psnr", out var psnr) || !image.Metrics.TryGetValue("ssim", out var ssim))
            return LeakLevel.Unjudged;
        var gain = psnr - (BestBaseline(image, "psnr") ?? 0);
        var seen = ssim - (BestBaseline(image, "ssim") ?? 0) >= SsimMargin;
        return gain >= PsnrMargin && psnr >= ExactPsnr ? LeakLevel.Exact
            : (seen && ssim >= RecognizableSsim) || (gain >= RecognizableGain && psnr >= RecognizablePsnr) ? LeakLevel.Recognizable
            : seen || gain >= PsnrMargin ? LeakLevel.Traces
            : LeakLevel.Nothing;
    }

    /// <summary>The verdict on one case; that of the report itself is not read.</summary>
    /// <param name="report">The case.</param>
    /// <param name="floor">The relative misfit of the true images, which no attack need beat: above 0 where a defense adds noise.</param>
    public Verdict Of(CaseReport report, double floor = 0)
    {
        var level = Level(report, floor);
        var explained = Explains(report.RelativeMisfit, floor);
        return new(level, Sentence.For(level, report.Images, [.. report.Images.Select(Of)], report.RelativeMisfit, explained));
    }

    /// <summary>
    /// The verdict on an audit, from the verdicts of its cases: the worst leak counts. Without a leak, one inconclusive case
    /// makes the audit inconclusive.
    /// </summary>
    public Verdict Of(IReadOnlyList<CaseReport> cases)
    {
        if (cases.Count == 0)
            return new(LeakLevel.Unjudged, "No case has finished, so there is nothing to judge.");
        if (cases.Count == 1)
            return cases[0].Verdict;
        var level = cases.Select(report => report.Verdict.Level).MaxBy(Rank);
        var judged = cases.Where(report => report.Verdict.Level != LeakLevel.Unjudged).ToArray();
        var images = (judged.Length == 0 ? cases : judged).SelectMany(report => report.Images).ToArray();
        var misfit = cases.Max(report => report.RelativeMisfit);
        var sentence = Sentence.For(level, images, [.. images.Select(Of)], misfit, Explains(misfit));
        var open = cases.Count(report => report.Verdict.Level == LeakLevel.Inconclusive);
        return new(level, $"Over {cases.Count} cases: {sentence}" +
            (open == 0 || level == LeakLevel.Inconclusive ? ""
                : $" In {open} of {cases.Count} cases the attack failed, which is no protection."));
    }

    /// <summary>Whether a reconstruction explains the update as well as it can be explained.</summary>
    public bool Explains(double misfit, double floor = 0) => misfit <= Math.Max(ExplainedMisfit, 1.1 * floor);

    internal static double? BestBaseline(ImageReport image, string metric)
    {
        var values = image.Baselines.Values.Where(baseline => baseline.ContainsKey(metric)).Select(baseline => baseline[metric]).ToArray();
        return values.Length == 0 ? null : values.Max();
    }

    private LeakLevel Level(CaseReport report, double floor)
    {
        if (report.Images.Length == 0)
            return LeakLevel.Inconclusive;
        var best = report.Images.Select(Of).MaxBy(Rank);
        return best == LeakLevel.Nothing && !Explains(report.RelativeMisfit, floor) ? LeakLevel.Inconclusive : best;
    }

    private static int Rank(LeakLevel level) => level switch
    {
        LeakLevel.Exact => 5,
        LeakLevel.Recognizable => 4,
        LeakLevel.Traces => 3,
        LeakLevel.Inconclusive => 2,
        LeakLevel.Nothing => 1,
        _ => 0,
    };
}
