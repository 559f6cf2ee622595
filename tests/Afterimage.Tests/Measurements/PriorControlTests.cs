using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Audit.Measurements;
using Afterimage.Federation;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Tests.Execution;

namespace Afterimage.Tests.Measurements;

/// <summary>What a trained prior makes up by itself stands beside every figure of an attack that uses one.</summary>
public class PriorControlTests
{
    private static readonly GradientMatching Matching = (GradientMatching)SmallAudit.Experiment.Attack;

    [Fact]
    public async Task A_generator_is_also_run_on_an_unrelated_update()
    {
        using var folder = new TemporaryFolder();
        var attack = Matching with { Space = new Latent(), Solver = new FirstOrder { Iterations = 5 } };
        var (report, _) = await SmallAudit.Run(
            SmallAudit.Experiment with { Attack = attack }, new AttackAndJudge { Leakage = LeakageChoice.Off },
            new() { Folder = folder.Path, Command = "afterimage audit small.json" });
        var found = Assert.Single(report.Cases);
        var image = Assert.Single(found.Images);
        Assert.True(double.IsFinite(image.Baselines[Baselines.Prior]["psnr"]));
        Assert.NotEqual(image.Metrics["psnr"], image.Baselines[Baselines.Prior]["psnr"]);
        Assert.Contains(found.Findings, finding => finding.Text.Contains("on the update of unrelated images", StringComparison.Ordinal)
            && finding.Text.Contains("100 images that the prior drew", StringComparison.Ordinal));
        Assert.True(found.Pool > 100);
        Assert.Contains(found.Assumptions, known => known.Topic == "images" && known.Knowledge.StartsWith("what a network has learned",
            StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_control_is_the_same_attack_under_the_same_seed_and_defense()
    {
        using var folder = new TemporaryFolder();
        async Task<double> Control(Attack attack)
        {
            var (report, _) = await SmallAudit.Run(SmallAudit.Experiment with
            {
                Attack = attack,
                Client = (SimulatedClient)SmallAudit.Experiment.Client with { Defense = new GaussianNoise { Relative = 0.1 } },
            }, folder[Guid.NewGuid().ToString()]);
            return Assert.Single(Assert.Single(report.Cases).Images).Baselines[Baselines.Prior]["psnr"];
        }

        var denoised = Matching with { Priors = [new RegularizationByDenoising()], Solver = new FirstOrder { Iterations = 5 } };
        Assert.Equal(await Control(denoised), await Control(denoised));
    }

    [Fact]
    public async Task An_attack_without_a_trained_prior_needs_no_control()
    {
        using var folder = new TemporaryFolder();
        var (report, _) = await SmallAudit.Run(SmallAudit.Experiment, folder.Path);
        var found = Assert.Single(report.Cases);
        Assert.DoesNotContain(Baselines.Prior, Assert.Single(found.Images).Baselines.Keys);
        Assert.Contains(found.Assumptions, known => known.Topic == "images" && known.Knowledge.StartsWith("nothing but",
            StringComparison.Ordinal));
    }
}
