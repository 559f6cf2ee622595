namespace Afterimage.Privacy;

/// <summary>What a configuration says of its privacy and what it delivers.</summary>
/// <param name="Mechanism">What was configured, the beginning of a sentence.</param>
/// <param name="Claimed">The epsilon that its formula states over all rounds; null where it states none.</param>
/// <param name="Delivered">The epsilon that holds over all rounds; infinity where none does.</param>
/// <param name="Delta">The delta of both.</param>
/// <param name="NoiseMultiplier">Deviation of Gaussian noise over the sensitivity, in one round; not a number for other noise.</param>
/// <param name="Rate">Probability that an example or client takes part in a round.</param>
/// <param name="Rounds">Rounds that an attacker sees.</param>
/// <param name="Neighbors">Between which data sets the epsilon stands, the end of a sentence.</param>
/// <param name="Findings">What is impossible, outside of a proof or not what it says, one sentence each.</param>
public sealed record PrivacyStatement(string Mechanism, double? Claimed, double Delivered, double Delta, double NoiseMultiplier,
    double Rate, long Rounds, string Neighbors, ValueList<string> Findings)
{
    /// <summary>How often at most the client's image is found in a pool.</summary>
    /// <param name="pool">Candidates, the true one among them.</param>
    public double Identification(int pool) => double.IsNaN(NoiseMultiplier) ? Math.Min(1, Math.Exp(Delivered) / pool)
        : double.IsInfinity(Delivered) && NoiseMultiplier == 0 ? 1
        : ReconstructionRobustness.Bound(1.0 / pool, NoiseMultiplier, Rate, Rounds);
}
