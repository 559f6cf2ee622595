using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The filter PercentilePrivacy of NVFlare (after Shokri and Shmatikov, 2015): numbers of the update divided by its local steps whose
/// magnitude is below a percentile of all become zero, and the rest is cut at a magnitude. It is no differential privacy. An attacker
/// compares what was sent and knows that numbers at the cut were larger.
/// </summary>
[Cites("shokri2015privacy")]
public sealed record PercentilePrivacy : Defense
{
    /// <summary>Percentile of all magnitudes below which numbers are zeroed, from 0 to 100; shipped as 10.</summary>
    [Range(0, 100)]
    public double Percentile { get; init; } = 10;

    /// <summary>The largest magnitude that is sent for each local step; shipped as 0.01; null switches the filter off.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? Gamma { get; init; } = 0.01;

    /// <summary>Local steps of the round, by which the update is divided before it is compared.</summary>
    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 1;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Gamma is not { } gamma)
            return update;
        var sizes = update.Flat.abs();
        var cutoff = Quantile(sizes, Percentile / 100);
        var kept = update.Flat * sizes.ge(cutoff).to(update.Flat.dtype);
        return new(update.Layout, kept.clamp(-gamma * Steps, gamma * Steps));
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Gamma is { } gamma ? new ClampedChannel(gamma * Steps, FormattableString.Invariant(
            $"of whose numbers the smallest {Percentile:0.###} % were zeroed and the others cut at {gamma * Steps:G3}")) : Channel.None;
    }

    /// <summary>The quantile between the two nearest numbers, as NumPy takes it.</summary>
    internal static Tensor Quantile(Tensor numbers, double share)
    {
        var sorted = numbers.sort().Values;
        var place = share * (numbers.numel() - 1);
        var (low, rest) = ((long)Math.Floor(place), place - Math.Floor(place));
        return sorted[low] * (1 - rest) + sorted[Math.Min(low + 1, numbers.numel() - 1)] * rest;
    }
}
