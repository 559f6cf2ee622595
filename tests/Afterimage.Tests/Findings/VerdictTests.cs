using System.Collections.Immutable;
using Afterimage.Audit.Findings;
using Afterimage.Reports;

namespace Afterimage.Tests.Findings;

public class VerdictTests
{
    private static readonly VerdictRule Rule = VerdictRule.Standard;

    [Theory]
    [InlineData(52.3, 0.99, 12.1, 0.1, LeakLevel.Exact)]
    [InlineData(40, 0.9, 12.1, 0.1, LeakLevel.Exact)]
    [InlineData(39.9, 0.9, 12.1, 0.1, LeakLevel.Recognizable)]
    [InlineData(14, 0.6, 13.5, 0.1, LeakLevel.Recognizable)]
    [InlineData(18, 0.3, 13, 0.28, LeakLevel.Recognizable)]
    [InlineData(17.9, 0.3, 12, 0.28, LeakLevel.Traces)]
    [InlineData(18, 0.3, 13.1, 0.28, LeakLevel.Traces)]
    [InlineData(14, 0.1, 13, 0.1, LeakLevel.Traces)]
    [InlineData(10, 0.2, 13, 0.15, LeakLevel.Traces)]
    [InlineData(13.9, 0.14, 13, 0.1, LeakLevel.Nothing)]
    [InlineData(30, 0.8, 30, 0.8, LeakLevel.Nothing)]
    [InlineData(41, 0.99, 40.5, 0.98, LeakLevel.Nothing)]
    public void An_image_is_judged_beside_its_baselines(
        double psnr, double ssim, double publicPsnr, double publicSsim, LeakLevel expected) =>
        Assert.Equal(expected, Rule.Of(Image(psnr, ssim, publicPsnr, publicSsim)));

    [Fact]
    public void The_strongest_baseline_counts_for_each_metric()
    {
        var image = Image(20, 0.5, 12, 0.4) with
        {
            Baselines = Table(("best of 100 public images", 12, 0.4), ("mean of the public images", 19.5, 0.2)),
        };
        Assert.Equal(LeakLevel.Traces, Rule.Of(image));
        Assert.Equal(LeakLevel.Nothing, Rule.Of(image with { Baselines = image.Baselines.SetItem("gray image", Values(3, 0.5)) }));
    }

    [Theory]
    [InlineData("Converged", 1e-5, LeakLevel.Nothing)]
    [InlineData("BudgetSpent", 1e-5, LeakLevel.Nothing)]
    [InlineData("Converged", 0.3, LeakLevel.Inconclusive)]
    [InlineData("BudgetSpent", 0.3, LeakLevel.Inconclusive)]
    [InlineData("Diverged", double.NaN, LeakLevel.Inconclusive)]
    public void A_failure_is_protection_only_when_the_update_is_explained(string outcome, double misfit, LeakLevel expected) =>
        Assert.Equal(expected, Rule.Of(Case(misfit, Image(9, 0.05)) with { Outcome = outcome }).Level);

    [Fact]
    public void Under_a_noisy_defense_the_misfit_of_the_truth_is_enough()
    {
        var report = Case(0.8, Image(9, 0.05));
        Assert.Equal(LeakLevel.Inconclusive, Rule.Of(report, floor: 0.7).Level);
        Assert.Equal(LeakLevel.Nothing, Rule.Of(report, floor: 0.79).Level);
    }

    [Fact]
    public void A_leak_stays_a_leak_without_convergence() =>
        Assert.Equal(LeakLevel.Recognizable, Rule.Of(Case(0.4, Image(9, 0.05), Image(25, 0.8))).Level);

    [Fact]
    public void Sentences_carry_their_numbers()
    {
        Assert.Equal("1 of 1 images came back nearly pixel for pixel " +
            "(PSNR 52.3 dB, SSIM 0.99; the best of 100 public images scores 12.1 dB).",
            Rule.Of(Case(1e-6, Image(52.3, 0.99, 12.1))).Sentence);
        Assert.Equal("1 of 3 images came back nearly pixel for pixel, and 1 more is recognizable " +
            "(median PSNR 25.0 dB, from 9.0 to 45.0; median SSIM 0.80; the best of 100 public images scores 12.0 dB at the median).",
            Rule.Of(Case(1e-6, Image(45, 0.99), Image(25, 0.8), Image(9, 0.05))).Sentence);
        Assert.Equal("No image is recognizable, but 1 of 1 images is closer to the truth than public images are " +
            "(PSNR 14.0 dB, SSIM 0.10; the best of 100 public images scores 12.0 dB).", Rule.Of(Case(1e-6, Image(14, 0.1))).Sentence);
        Assert.Contains("(relative misfit 3.1e-5)", Rule.Of(Case(3.1e-5, Image(9, 0.1))).Sentence, StringComparison.Ordinal);
        Assert.Contains("(relative misfit 0.32), so this says nothing about protection",
            Rule.Of(Case(0.32, Image(9, 0.1))).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_truth_nobody_judges()
    {
        var image = Image(0, 0) with { Metrics = ImmutableSortedDictionary<string, double>.Empty, Baselines = NoBaselines };
        var explained = Rule.Of(Case(1e-5, image));
        Assert.Equal(LeakLevel.Unjudged, explained.Level);
        Assert.Contains("explains the update (relative misfit 1.0e-5)", explained.Sentence, StringComparison.Ordinal);
        Assert.Contains("does not explain the update yet", Rule.Of(Case(0.5, image)).Sentence, StringComparison.Ordinal);
        Assert.Equal(LeakLevel.Inconclusive, Rule.Of(Case(double.NaN) with { Outcome = "Crashed" }).Level);
    }

    [Fact]
    public void An_audit_takes_the_worst_leak_and_pools_the_images()
    {
        var verdict = Rule.Of([Judged(1e-6, Image(50, 0.99)), Judged(0.3, Image(8, 0.02)), Judged(1e-6, Image(9, 0.05))]);
        Assert.Equal(LeakLevel.Exact, verdict.Level);
        Assert.Equal("Over 3 cases: 1 of 3 images came back nearly pixel for pixel " +
            "(median PSNR 9.0 dB, from 8.0 to 50.0; median SSIM 0.05; the best of 100 public images scores 12.0 dB at the median). " +
            "In 1 of 3 cases the attack failed, which is no protection.", verdict.Sentence);
    }

    [Fact]
    public void One_inconclusive_case_forbids_to_say_that_nothing_leaks()
    {
        Assert.Equal(LeakLevel.Inconclusive, Rule.Of([Judged(1e-6, Image(9, 0.05)), Judged(0.3, Image(8, 0.02))]).Level);
        Assert.Equal(LeakLevel.Nothing, Rule.Of([Judged(1e-6, Image(9, 0.05)), Judged(1e-6, Image(8, 0.02))]).Level);
        Assert.Equal(LeakLevel.Inconclusive, Rule.Of([Judged(1e-6, Image(9, 0.05)), Judged(double.NaN)]).Level);
        Assert.Equal(LeakLevel.Unjudged, Rule.Of(Array.Empty<CaseReport>()).Level);
    }

    [Fact]
    public void One_case_speaks_for_itself()
    {
        var only = Judged(1e-6, Image(50, 0.99));
        Assert.Equal(only.Verdict, Rule.Of([only]));
    }

    internal static ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> NoBaselines => Table();

    internal static ImageReport Image(double psnr, double ssim, double publicPsnr = 12, double publicSsim = 0.1) => new()
    {
        Index = 0,
        RecoveredLabel = "cat",
        TrueLabel = "cat",
        Confidence = 1,
        Metrics = Values(psnr, ssim),
        Baselines = Table(("best of 100 public images", publicPsnr, publicSsim)),
        Reconstruction = new("0.png", 32, 32),
    };

    internal static CaseReport Case(double misfit, params ImageReport[] images) => new()
    {
        Id = "0",
        Name = "case",
        Configuration = "{}",
        Equation = "",
        Seed = 1,
        Outcome = "Converged",
        Advice = "",
        Verdict = new(LeakLevel.Unjudged, ""),
        Cost = new(1, 1, 1, 1, 1),
        RelativeMisfit = misfit,
        LabelAccuracy = 1,
        Images = [.. images],
    };

    private static CaseReport Judged(double misfit, params ImageReport[] images) => CaseFindings.Standard.Conclude(Case(misfit, images));

    private static ImmutableSortedDictionary<string, double> Values(double psnr, double ssim) =>
        ImmutableSortedDictionary<string, double>.Empty.Add("psnr", psnr).Add("ssim", ssim);

    private static ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Table(
        params (string Name, double Psnr, double Ssim)[] rows) =>
        rows.ToImmutableSortedDictionary(row => row.Name, row => Values(row.Psnr, row.Ssim));
}
