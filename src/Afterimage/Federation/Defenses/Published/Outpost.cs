using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Outpost (Wang, Hugh and Li, INFOCOM 2023): the smallest numbers of every tensor are zeroed, and Gaussian noise is added where the
/// empirical Fisher information is large. Its deviation is a base times the variance of the tensor's weights, at most 1. It acts
/// with probability 1 / (1 + decay rounds), so that it fades while training goes on.
/// </summary>
[Cites("wang2023more")]
public sealed record Outpost : Defense
{
    /// <summary>The factor between a tensor's risk and the deviation of its noise; 0 adds none.</summary>
    [Range(0, 1e6)]
    public double Noise { get; init; }

    /// <summary>Share of the Fisher information's numbers, the largest, that get noise.</summary>
    [Range(0, 1)]
    public double Perturbed { get; init; } = 0.4;

    /// <summary>Share of the numbers of every tensor, the smallest, that are zeroed; 0 zeroes none.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Pruned { get; init; }

    /// <summary>How fast the probability to act falls over the rounds; 0 acts always.</summary>
    [Range(0, 1e6)]
    public double Decay { get; init; }

    /// <summary>Rounds of training before the observed one, which decide with <see cref="Decay"/> how often it acts.</summary>
    [Range(0, 1_000_000)]
    public int Round { get; init; }

    /// <summary>The probability that it acts in this round.</summary>
    internal double Probability => 1 / (1 + Decay * Round);

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (IsIdentity)
            return update;
        var model = LocalRound.Needed(round, "outpost").Model;
        if (random.Derive("act").Managed().NextDouble() >= Probability)
            return update;
        using var generator = random.Derive("noise").Generator(CPU);
        var parts = update.Split();
        var fisher = parts.Select(part => part.square().mean([0], keepdim: true)).ToArray();
        var all = cat([.. fisher.Select(part => part.reshape(-1))]);
        var threshold = Perturbed > 0 ? all.topk(Math.Max(1, (int)Math.Round(Perturbed * all.numel()))).values.min() : all.max() + 1;
        return GradientSet.Gather(update.Layout, [.. parts.Select((part, i) =>
            Large(part) + randn(part.shape, part.dtype, CPU, generator: generator).to(part.device)
                * fisher[i].ge(threshold).to(part.dtype) * (Noise * Risk(model, i)))]);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return IsIdentity ? Channel.None
            : new Perturbation(this, model is null ? []
                : [.. Enumerable.Range(0, model.Parameters.Count).Select(i => Noise * Risk(model, i))]);
    }

    private bool IsIdentity => Noise == 0 && Pruned == 0;

    /// <summary>The variance of a tensor's weights, at most 1.</summary>
    private static double Risk(VictimModel model, int tensor)
    {
        using var scope = Tidy.Scope();
        var weights = model.Parameters[tensor].detach();
        return weights.numel() < 2 ? 0 : Math.Min(1, weights.var().to(ScalarType.Float64).ToDouble());
    }

    private Tensor Large(Tensor part)
    {
        var gone = (int)(Pruned * part.numel());
        return gone == 0 ? part
            : part * part.abs().gt(part.abs().reshape(-1).topk(gone, largest: false).values.max()).to(part.dtype);
    }

    /// <param name="defense">Its settings.</param>
    /// <param name="deviations">Of the noise of each tensor where it falls; empty where no model was given.</param>
    private sealed class Perturbation(Outpost defense, double[] deviations) : Channel
    {
        public override ChannelEffects Effects => (defense.Noise > 0 ? ChannelEffects.Noise : ChannelEffects.None)
            | (defense.Pruned > 0 ? ChannelEffects.Missing : ChannelEffects.None);

        public override string Description => FormattableString.Invariant(
            $"pruned by {100 * defense.Pruned:0.#} % and perturbed by {defense.Noise:G3} times each layer's risk (Outpost)");

        public override Tensor? Mask(GradientSet sent) => defense.Pruned > 0 ? sent.Flat.ne(0).to(sent.Flat.dtype) : null;

        // Noise falls on a share of the numbers that is not told; those that it left alone show no more than their own size.
        public override double Deviation(GradientSet sent, int tensor) =>
            tensor < deviations.Length ? deviations[tensor] * Math.Sqrt(defense.Perturbed * defense.Probability) : 0;

        public override double Withheld(GradientSet sent, int tensor)
        {
            if (defense.Pruned == 0)
                return 0;
            using var scope = Tidy.Scope();
            var sizes = sent[tensor].abs();
            var arrived = sizes.masked_select(sizes.gt(0));
            return arrived.numel() == 0 ? 0 : arrived.min().to(ScalarType.Float64).ToDouble() * Math.Sqrt(defense.Pruned / 3);
        }

        public override double Floor(GradientSet sent) => Math.Min(1,
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum())
            / Math.Max(sent.Norm(), 1e-30));
    }
}
