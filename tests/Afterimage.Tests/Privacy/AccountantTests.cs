using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Privacy;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Integration;

namespace Afterimage.Tests.Privacy;

/// <summary>Epsilons against numerical integration and published values.</summary>
public class AccountantTests
{
    /// <summary>The moment of the subsampled mechanism as Simpson's rule integrates it, in plain numbers.</summary>
    [Theory]
    [InlineData(2, 1.1, 0.01)]
    [InlineData(7, 2.0, 0.1)]
    [InlineData(3.7, 1.1, 0.01)]
    [InlineData(1.3, 0.8, 0.2)]
    [InlineData(12, 4.0, 0.3)]
    public void The_divergence_is_that_of_the_densities(double order, double noise, double rate)
    {
        double Moment(double x) => Normal.PDF(0, noise, x)
            * Math.Pow(1 - rate + rate * Normal.PDF(1, noise, x) / Normal.PDF(0, noise, x), order);
        var moment = SimpsonRule.IntegrateComposite(Moment, -12 * noise, 12 * noise + order, 20_000);
        Assert.Equal(Math.Log(moment) / (order - 1), RenyiAccountant.Divergence(order, noise, rate), 1e-9);
    }

    /// <summary>The MNIST table of TensorFlow Privacy's tutorial: batches of 256 from 60,000 images, delta 1e-5.</summary>
    [Theory]
    [InlineData(1.3, 15, 1.19)]
    [InlineData(1.1, 60, 3.01)]
    [InlineData(0.7, 45, 7.10)]
    public void Published_tables_come_out(double noise, int epochs, double published)
    {
        var steps = epochs * 60_000 / 256;
        Assert.Equal(published, RenyiAccountant.OlderEpsilon(noise, 256.0 / 60_000, steps, 1e-5), 0.006);
        Assert.InRange(RenyiAccountant.Epsilon(noise, 256.0 / 60_000, steps, 1e-5), 0.75 * published, 0.95 * published);
    }

    [Theory]
    [InlineData(1, 1e-5)]
    [InlineData(0.1, 1e-6)]
    [InlineData(20, 1e-5)]
    public void The_exact_epsilon_of_noise_is_where_the_integral_meets_delta(double mu, double delta)
    {
        var epsilon = GaussianMechanism.Epsilon(mu, delta);
        // delta = integral of max(0, p - e^epsilon q) over p = N(mu, 1), q = N(0, 1).
        double Excess(double x) => Math.Max(0, Normal.PDF(mu, 1, x) - Math.Exp(epsilon + Normal.PDFLn(0, 1, x)));
        var from = mu / 2 + epsilon / mu;
        Assert.Equal(delta, SimpsonRule.IntegrateComposite(Excess, from, from + 14, 20_000), 1e-3 * delta);
    }

    [Fact]
    public void More_rounds_and_more_examples_cost_more_and_nothing_costs_nothing()
    {
        Assert.Equal(0, RenyiAccountant.Epsilon(1, 0, 100, 1e-5));
        Assert.Equal(0, GaussianMechanism.Epsilon(0, 1e-5));
        Assert.Equal(double.PositiveInfinity, GaussianMechanism.Epsilon(double.PositiveInfinity, 1e-5));
        Assert.True(RenyiAccountant.Epsilon(1, 0.01, 100, 1e-5) < RenyiAccountant.Epsilon(1, 0.01, 1000, 1e-5));
        // At rate 1 the mechanism is the plain one, whose exact epsilon no bound undercuts.
        Assert.True(RenyiAccountant.Epsilon(2, 1, 10, 1e-5) >= GaussianMechanism.Epsilon(Math.Sqrt(10) / 2, 1e-5));
        Assert.Equal(RenyiAccountant.Epsilon(2, 1, 10, 1e-5), GaussianMechanism.Epsilon(Math.Sqrt(10) / 2, 1e-5), 0.6);
    }

    /// <summary>
    /// The best guess among N images of which one was sent with noise, drawn many times, reaches the bound and does not exceed it.
    /// </summary>
    [Fact]
    public void No_guess_beats_the_robustness_bound()
    {
        Assert.Equal(0.01, ReconstructionRobustness.Bound(0.01, 1, 0, 5));
        Assert.Equal(1, ReconstructionRobustness.Bound(0.01, 0, 1, 1));
        var random = new Random(1);
        double Draw() => Normal.Sample(random, 0, 1);
        // The event of Neyman and Pearson with prior k: the mean 1/noise exceeds the quantile of N(0,1).
        var (noise, prior) = (0.8, 0.05);
        var quantile = Normal.InvCDF(0, 1, 1 - prior);
        var rate = Enumerable.Range(0, 40_000).Count(_ => Draw() + 1 / noise > quantile) / 40_000.0;
        Assert.Equal(rate, ReconstructionRobustness.Bound(prior, noise, 1, 1), 0.01);
        // With sampling the bound lies between chance and the bound without.
        Assert.InRange(ReconstructionRobustness.Bound(prior, noise, 0.1, 1), prior, ReconstructionRobustness.Bound(prior, noise, 1, 1));
    }

    [Fact]
    public void An_attack_proves_the_epsilon_of_its_rate()
    {
        var found = EmpiricalEpsilon.Of(9, 10, 100, 1e-5);
        // P(9 or more of 10) at the lower end is one minus the confidence.
        var tail = 10 * Math.Pow(found.Lower, 9) * (1 - found.Lower) + Math.Pow(found.Lower, 10);
        Assert.Equal(0.05, tail, 1e-6);
        Assert.Equal(Math.Log(100 * (found.Lower - 1e-5)), found.Epsilon, 1e-12);
        Assert.Equal(0, EmpiricalEpsilon.Of(0, 10, 100, 1e-5).Epsilon);
        Refusal.Says("no rate", () => EmpiricalEpsilon.Of(3, 2, 100, 0));
    }

    [Fact]
    public void Claims_that_are_not_delivered_are_named()
    {
        var flower = new LocalDpClaim().Judge();
        Assert.Equal(10, flower.Claimed);
        Assert.True(flower.Delivered > 1e6, $"{flower.Delivered}");
        Assert.Contains(flower.Findings, finding => finding.Contains("epsilon up to", StringComparison.Ordinal));
        Assert.Contains(flower.Findings, finding => finding.Contains("times too small", StringComparison.Ordinal));
        Assert.Equal(1, flower.Identification(100), 1e-9);
        // A mod whose sensitivity is right and whose epsilon is small keeps its word.
        var right = new LocalDpClaim { Mod = new() { ClippingNorm = 1, Sensitivity = 2, Epsilon = 0.9, Delta = 1e-5 } }.Judge();
        Assert.Empty(right.Findings);
        Assert.InRange(right.Delivered, 0, 0.9);
        Assert.Equal(double.PositiveInfinity, FilterClaim.Of(new PercentilePrivacy()).Delivered);
        var svt = FilterClaim.Of(new SvtPrivacy { AsReleased = false }, 10_000, 1);
        Assert.Equal(0.1 + 0.1 * Math.Pow(2000, 2.0 / 3) + 100, svt.Delivered, 1e-9);
        Assert.Equal(double.PositiveInfinity, FilterClaim.Of(new SvtPrivacy(), 10_000, 1).Delivered);
        var small = new DpSgdClaim { NoiseMultiplier = 1, Clip = 1, Sensitivity = 0.01, SamplingRate = 0.01, Rounds = 10 }.Judge();
        Assert.True(small.Delivered > small.Claimed);
        Assert.Contains("100 times too small", Assert.Single(small.Findings), StringComparison.Ordinal);
        Refusal.Says("/samplingRate is 2", () => new DpSgdClaim { SamplingRate = 2 }.Judge());
    }
}
