using MathNet.Numerics.Distributions;

namespace Afterimage.Privacy;

/// <summary>
/// Reconstruction robustness (Balle, Cherubin and Hayes, 2022; Hayes, Mahloujifar and Balle, 2023): how often at most anybody can tell a
/// client's image from others, however strong the attack and whatever else of the data is known.
/// </summary>
[Cites("balle2022reconstructing", "hayes2023bounding")]
public static class ReconstructionRobustness
{
    /// <summary>
    /// The largest probability of success: Phi(Phi^-1(k) + mu) where every example takes part in every round, and otherwise the smallest
    /// (k exp(D_a))^((a-1)/a) over the orders a of the Renyi divergence D_a.
    /// </summary>
    /// <param name="prior">Probability of success k without the update, 1/N in a pool of N candidates.</param>
    /// <param name="noise">Noise multiplier, at least 0.</param>
    /// <param name="rate">Probability that the example takes part in a round, in [0,1].</param>
    /// <param name="rounds">Rounds that the attacker sees.</param>
    public static double Bound(double prior, double noise, double rate, long rounds)
    {
        if (rate == 0 || rounds == 0 || prior >= 1)
            return prior;
        if (noise == 0)
            return 1;
        return rate == 1 ? Normal.CDF(0, 1, Normal.InvCDF(0, 1, prior) + Math.Sqrt(rounds) / noise)
            : Math.Clamp(RenyiAccountant.Orders.Min(order => Math.Exp((order - 1) / order
                * (Math.Log(prior) + rounds * RenyiAccountant.Divergence(order, noise, rate)))), prior, 1);
    }
}
