using Afterimage.Audit.Findings;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Tests.Findings;

public class FrontierTests
{
    [Fact]
    public void The_most_accurate_setting_that_meets_the_requirement_is_named()
    {
        CaseReport[] cases =
            [Case("none", 0.8, 40, true), Case("weak", 0.7, 25, true), Case("strong", 0.6, 10, true), Case("bad", 0.5, 12, true)];
        var frontier = FrontierRule.Of(cases, "psnr <= 14")!;
        Assert.Equal("defense strong", frontier.Choice);
        Assert.Equal([true, true, true, false], frontier.Points.Select(point => point.OnFrontier));
        Assert.Equal([false, false, true, true], frontier.Points.Select(point => point.Meets!.Value));
        Assert.Contains("cheapest setting that meets \"psnr <= 14\" is defense strong", frontier.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_attack_meets_no_requirement_unless_that_is_allowed()
    {
        CaseReport[] cases = [Case("none", 0.8, 40, true), Case("strong", 0.6, 10, false)];
        Assert.Null(FrontierRule.Of(cases, "psnr <= 14")!.Choice);
        Assert.Contains("did not converge, which is no protection",
            FrontierRule.Of(cases, "psnr <= 14")!.Sentence, StringComparison.Ordinal);
        Assert.Equal("defense strong", FrontierRule.Of(cases, "psnr <= 14", allowInconclusive: true)!.Choice);
        Assert.Null(FrontierRule.Of([FindingsCase(20)]));
    }

    [Theory]
    [InlineData("identification", "compares nothing")]
    [InlineData("fame <= 1", "names \"fame\"")]
    [InlineData("psnr <= x", "compares nothing")]
    public void What_is_no_requirement_is_answered_with_a_sentence(string text, string words) =>
        Assert.Contains(words, Assert.Throws<AfterimageException>(() => Requirement.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Settings_are_compared_on_the_same_images_only()
    {
        CaseReport With(string defense, int trial, double psnr, string client) => Case(defense, 0.5, psnr, true) with
        {
            Axes = Case(defense, 0.5, psnr, true).Axes.Add("trial", $"{trial}"),
            Configuration = $$"""{"client": {"data": "{{client}}"} }""",
        };
        var pairs = PairedComparisons.Of(
            [With("a", 1, 10, "x"), With("b", 1, 13, "x"), With("a", 2, 10, "x"), With("b", 2, 11, "x"), With("b", 3, 50, "x"),
                With("a", 4, 10, "x"), With("b", 4, 90, "y")]);
        var pair = Assert.Single(pairs);
        Assert.Equal((2, 2.0, "a", "b"), (pair.Images, pair.Median, pair.Left, pair.Right));
        Assert.Equal((0.5, 0.5), (pair.SignedRank, pair.Sign));
    }

    [Fact]
    public void Success_is_counted_over_the_images_of_a_setting()
    {
        var cases = Enumerable.Range(0, 6).Select(trial => FindingsCase(10 + 4 * trial) with
        {
            Axes = Case("a", 1, 1, true).Axes.Add("trial", $"{trial}"),
        }).ToArray();
        var curve = SuccessCurves.Of(cases).Single(curve => curve.Metric == "psnr");
        Assert.Equal((6, "defense a"), (curve.Images, curve.Name));
        Assert.Equal(1, curve.Points.Single(point => point.Threshold == 10).Rate);
        Assert.Equal(0.5, curve.Points.Single(point => point.Threshold == 22).Rate);
        Assert.Equal(0, curve.Points.Single(point => point.Threshold == 40).Rate);
        Assert.Empty(SuccessCurves.Of(cases[..4]));
    }

    [Fact]
    public void The_grounds_say_what_would_change_the_answer()
    {
        var rule = GroundsRule.Standard;
        var leak = rule.Grounded(FindingsCase(30) with { Verdict = new(LeakLevel.Recognizable, "") });
        Assert.Equal((Answer.Leaks, true, "best"), (leak.Grounds!.Answer, leak.Grounds.Converged, leak.Grounds.Attack));
        var failed = rule.Grounded(FindingsCase(9) with { Verdict = new(LeakLevel.Inconclusive, ""), RelativeMisfit = 0.4 });
        Assert.Equal((Answer.NotShown, false), (failed.Grounds!.Answer, failed.Grounds.Converged));
        Assert.Contains(failed.Grounds.Changes, change => change.Contains("explains the update", StringComparison.Ordinal));
        Assert.Equal(Answer.Leaks, rule.Of([failed, leak])!.Answer);
        Assert.Null(rule.Grounded(FindingsCase(9) with { Outcome = "Crashed", Images = [] }).Grounds);
    }

    private static CaseReport Case(string defense, double accuracy, double psnr, bool converged) => FindingsCase(psnr) with
    {
        Axes = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add("defense", defense),
        Federation = new()
        {
            Setting = "",
            Accuracy = [new(0, 0.1), new(5, accuracy)],
            TestImages = 100,
            Rounds = [new(5, 1, converged ? "Converged" : "BudgetSpent", 0.1, Spread.Of([psnr]), 0, 1, null, [])],
        },
    };

    private static CaseReport FindingsCase(double psnr) => new()
    {
        Id = "1",
        Name = "one",
        Configuration = """{"attack":{"kind":"best"}}""",
        Equation = "",
        Seed = 0,
        Outcome = "Converged",
        Advice = "",
        Verdict = new(LeakLevel.Nothing, ""),
        Cost = new(0, 0, 0, 0, 0),
        RelativeMisfit = 1e-6,
        Images = [new() { Index = 0, RecoveredLabel = "cat", Confidence = 1, Reconstruction = new("a.png", 1, 1),
            Metrics = Metrics(psnr), Level = LeakLevel.Nothing }],
    };

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, double> Metrics(double psnr) =>
        System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty.Add("psnr", psnr).Add("ssim", psnr / 50);
}
