using Afterimage.Audit.Findings;
using Afterimage.Reports;
using static Afterimage.Tests.Findings.VerdictTests;

namespace Afterimage.Tests.Findings;

public class FindingsTests
{
    [Fact]
    public void A_leak_names_the_image_that_came_back_best()
    {
        var finding = Only(Case(1e-4, Image(30, 0.9), Image(45, 0.99) with { Index = 1, TrueLabel = "dog" }), "came back best");
        Assert.Equal(Severity.Leak, finding.Severity);
        Assert.Equal("Image 1 (dog) came back best, with PSNR 45.0 dB and SSIM 0.99.", finding.Text);
    }

    [Fact]
    public void A_failed_attack_is_no_protection()
    {
        var finding = Only(Case(0.3, Image(9, 0.05)), "its failure is no protection");
        Assert.Equal(Severity.Warning, finding.Severity);
        Assert.Contains("0.30", finding.Text, StringComparison.Ordinal);
        None(Case(1e-5, Image(9, 0.05)), "its failure is no protection");
        None(Case(0.3, Image(45, 0.99)), "its failure is no protection");
    }

    [Fact]
    public void An_explained_update_with_wrong_images_does_not_determine_them()
    {
        Only(Case(1e-5, Image(9, 0.05)), "does not determine them");
        None(Case(1e-5, Image(45, 0.99)), "does not determine them");
        None(Case(0.3, Image(9, 0.05)), "does not determine them");
    }

    [Fact]
    public void Figures_below_a_public_image_are_public_knowledge()
    {
        Assert.StartsWith("1 of 2 reconstructions is no closer",
            Only(Case(1e-5, Image(11, 0.1, publicPsnr: 12), Image(45, 0.99)), "public knowledge").Text, StringComparison.Ordinal);
        None(Case(1e-5, Image(13, 0.1, publicPsnr: 12)), "public knowledge");
    }

    [Fact]
    public void Missing_public_images_and_wrong_or_given_labels_are_said()
    {
        Only(Case(1e-5, Image(45, 0.99) with { Baselines = NoBaselines }), "no reference");
        None(Case(1e-5, Image(45, 0.99)), "no reference");
        var half = Case(1e-5, Image(45, 0.99), Image(9, 0.1)) with { LabelAccuracy = 0.5 };
        Assert.StartsWith("Only 1 of 2 labels", Only(half, "label recovery").Text, StringComparison.Ordinal);
        None(Case(1e-5, Image(45, 0.99)), "label recovery");
        Only(Case(1e-5, Image(45, 0.99)) with { Assumptions = [new("labels", "revealed", true)] }, "were given");
        None(Case(1e-5, Image(45, 0.99)) with { Assumptions = [new("labels", "recovered", false)] }, "were given");
    }

    [Theory]
    [InlineData(1e-4, false)]
    [InlineData(3e-7, true)]
    [InlineData(1e-12, false)]
    public void The_rounding_of_single_precision_is_named(double misfit, bool named)
    {
        var report = Case(misfit, Image(45, 0.99));
        if (named)
            Only(report, "single precision");
        else
            None(report, "single precision");
    }

    [Theory]
    [InlineData("Crashed", true)]
    [InlineData("Canceled", true)]
    [InlineData("BudgetSpent", false)]
    public void An_attack_that_did_not_end_gives_a_lower_bound(string outcome, bool warned)
    {
        var report = Case(1e-5, Image(45, 0.99)) with { Outcome = outcome };
        if (warned)
            Only(report, "lower bound");
        else
            None(report, "lower bound");
    }

    [Fact]
    public void One_image_or_one_seed_gives_no_spread()
    {
        var finding = Assert.Single(AuditFindings.Of([Case(1e-5, Image(45, 0.99))]));
        Assert.StartsWith("These figures come from 1 image and 1 seed:", finding.Text, StringComparison.Ordinal);
        var many = Enumerable.Range(0, 10).Select(i => Case(1e-5, Image(45, 0.99)) with { Seed = (ulong)i }).ToArray();
        Assert.Empty(AuditFindings.Of(many));
        Assert.Single(AuditFindings.Of([.. many.Select(report => report with { Seed = 1 })]));
        Assert.Empty(AuditFindings.Of([]));
    }

    [Fact]
    public void Failed_cases_of_an_audit_are_counted()
    {
        var failed = CaseFindings.Standard.Conclude(Case(0.5, Image(9, 0.05)));
        var fine = CaseFindings.Standard.Conclude(Case(1e-5, Image(45, 0.99)));
        Assert.Contains(AuditFindings.Of([failed, fine]), finding => finding.Text.StartsWith("In 1 of 2 cases", StringComparison.Ordinal));
    }

    private static Finding Only(CaseReport report, string words) =>
        Assert.Single(CaseFindings.Standard.Conclude(report).Findings, finding => finding.Text.Contains(words, StringComparison.Ordinal));

    private static void None(CaseReport report, string words) =>
        Assert.DoesNotContain(CaseFindings.Standard.Conclude(report).Findings,
            finding => finding.Text.Contains(words, StringComparison.Ordinal));
}
