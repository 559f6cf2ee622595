using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Stochastic quantization, QSGD (Alistarh et al., 2017): each number of a tensor v becomes |v|₂ sign(v) l/s, where the level l is the one
/// below or above s |v_i| / |v|₂ by chance, so that its mean is the number. An attacker takes the rounding for noise of its size.
/// </summary>
[Cites("alistarh2017qsgd")]
public sealed record StochasticQuantization : Defense
{
    /// <summary>
    /// Bits of a number with its sign, from 2 to 16: s = 2^(bits-1) - 1 levels above zero; null sends the update as it is.
    /// </summary>
    [Range(2, 16)]
    public int? Bits { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Bits is not { } bits)
            return update;
        using var generator = random.Derive("quantization").Generator(CPU);
        return GradientSet.Gather(update.Layout, [.. update.Split().Select(part => Quantized(part, Levels(bits), generator))]);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Bits is { } bits ? new Levelled(bits) : Channel.None;
    }

    private static int Levels(int bits) => (1 << (bits - 1)) - 1;

    private static Tensor Quantized(Tensor part, int levels, Generator generator)
    {
        var norm = part.norm();
        if (norm.ToDouble() == 0)
            return part;
        var scaled = part.abs() / norm * levels;
        var low = scaled.floor();
        var up = rand(part.shape, part.dtype, CPU, generator: generator).to(part.device).lt(scaled - low);
        return part.sign() * (low + up.to(part.dtype)) * (norm / levels);
    }

    private sealed class Levelled(int bits) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Rounding;

        public override string Description => $"quantized at random to {bits} bits";

        public override double Deviation(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            var part = sent[tensor].to(ScalarType.Float64).reshape(-1);
            var levels = Levels(bits);
            var sizes = part.abs();
            var arrived = sizes.masked_select(sizes.gt(0));
            if (arrived.numel() == 0)
                return 0;
            var step = arrived.min().ToDouble();
            // With many levels the place between two of them is as good as uniform. With few, most numbers lie below the first level, and
            // what rounding added is the excess over the norm, which the step tells.
            return part.numel() < (double)levels * levels ? step / Math.Sqrt(6)
                : Math.Sqrt(Math.Max(0, part.square().sum().ToDouble() - Math.Pow(step * levels, 2)) / part.numel());
        }

        public override double Floor(GradientSet sent) => Math.Min(1,
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum())
            / Math.Max(sent.Norm(), 1e-30));
    }
}
