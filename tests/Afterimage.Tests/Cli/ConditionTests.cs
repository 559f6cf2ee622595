using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Cli.Conditions;
using Afterimage.Reports;
using CsCheck;

namespace Afterimage.Tests.Cli;

public class ConditionTests
{
    [Theory]
    [InlineData("ssim.max > 0.6", true)]
    [InlineData("ssim.max>0.6", true)]
    [InlineData("ssim.max > 0.8", false)]
    [InlineData("ssim.max >= 0.8", true)]
    [InlineData("ssim.min < 0.5", true)]
    [InlineData("ssim.min <= 0.2", true)]
    [InlineData("ssim.mean == 0.5", true)]
    [InlineData("ssim.median != 0.5", false)]
    [InlineData("psnr.max > 20 and ssim.max > 0.9", false)]
    [InlineData("psnr.max > 20 or ssim.max > 0.9", true)]
    [InlineData("ssim.max > 0.9 or psnr.max > 20 and psnr.min > 5", true)]
    [InlineData("psnr.max > 20 AND psnr.min > 1e1", false)]
    [InlineData("psnr.min > -1", true)]
    [InlineData("verdict >= recognizable", true)]
    [InlineData("verdict >= Exact", false)]
    [InlineData("verdict == traces", false)]
    [InlineData("verdict != nothing", true)]
    [InlineData("verdict>traces and ssim.max > 0.9", false)]
    public void IsTrueOrNotOfACase(string text, bool expected) => Assert.Equal(expected, Condition.Parse(text).Holds(Case()));

    [Theory]
    [InlineData("", "ends where a metric and a statistic")]
    [InlineData("ssim", "\"ssim\" at character 1, where a metric and a statistic")]
    [InlineData("ssim.max", "ends where one of < <=")]
    [InlineData("ssim.max >", "ends where a number")]
    [InlineData("ssim.max > high", "\"high\" at character 12, where a number")]
    [InlineData("ssim.max > NaN", "where a number")]
    [InlineData("ssim.max => 3", "\"=>\" at character 10")]
    [InlineData("ssim.top > 3", "asks for \"top\" of ssim; a metric has min, median, mean, max")]
    [InlineData("ssim.max > 3 psnr.max > 3", "\"psnr.max\" at character 14, where \"and\", \"or\" or the end")]
    [InlineData("verdict", "ends where one of <")]
    [InlineData("verdict >= 3", "\"3\" at character 12, where one of nothing traces recognizable exact is expected")]
    [InlineData("ssim.max > 3 and", "ends where a metric")]
    public void SaysWhereReadingStopped(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<AfterimageException>(() => Condition.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void UnknownMetricsAreListed() => Assert.Contains("names the metric \"lpips\"; there are psnr, ssim",
        Assert.Throws<AfterimageException>(() => Condition.Parse("lpips.max > 1").Holds(Case())).Message, StringComparison.Ordinal);

    [Fact]
    public void NothingIsTrueOfACaseWithoutMetrics() =>
        Assert.False(Condition.Parse("lpips.max < 1").Holds(Case() with { Metrics = ImmutableSortedDictionary<string, Spread>.Empty }));

    [Fact]
    public void AnyTextIsAConditionOrAnErrorThatQuotesIt()
    {
        var piece = OneOf("ssim.max", "psnr", ".", ">", "<=", "=", "!", "0.6", "-1e400", "and", "or", " ", "(", "\n", "é", "\0");
        Gen.OneOf(piece.List[0, 8].Select(pieces => string.Concat(pieces)), Gen.String).Sample(text =>
        {
            try
            {
                Condition.Parse(text);
            }
            catch (AfterimageException fault)
            {
                Assert.Contains(text, fault.Message, StringComparison.Ordinal);
            }
        }, iter: 2000);
    }

    [Theory]
    [InlineData(LeakLevel.Inconclusive)]
    [InlineData(LeakLevel.Unjudged)]
    public void WhatIsNotKnownLiesNowhereOnTheScale(LeakLevel level)
    {
        var found = Case() with { Verdict = new(level, "") };
        foreach (var relation in (string[])["<", "<=", ">", ">=", "==", "!="])
            Assert.All(VerdictComparison.Levels, known => Assert.False(Condition.Parse($"verdict {relation} {known}").Holds(found)));
    }

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        var comparison = Gen.Select(
            OneOf("ssim", "psnr"), OneOf("min", "median", "mean", "max"), OneOf("<", "<=", ">", ">="), Gen.Double[-100, 100]);
        comparison.Sample((metric, statistic, relation, number) =>
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{metric}.{statistic} {relation} {number:R}");
            var read = Assert.IsType<MetricComparison>(Assert.Single(Assert.Single(Condition.Parse(text).Alternatives)));
            Assert.Equal((metric, statistic, number), (read.Metric, read.Statistic.Name, read.Number));
        }, iter: 500);
    }

    private static Gen<string> OneOf(params string[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);

    private static CaseReport Case() => Audits.Case("one", 0.2, 0.8) with
    {
        Metrics = ImmutableSortedDictionary<string, Spread>.Empty
            .Add("ssim", new(2, 0.2, 0.5, 0.5, 0.8, 0.4))
            .Add("psnr", new(2, 10, 17, 17, 24, 9)),
    };
}
