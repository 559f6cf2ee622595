using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The quantizers of NVFlare that go through bitsandbytes (Dettmers et al., 2022 and 2023): every block of a tensor is divided by its
/// largest magnitude, and each number becomes the nearest value of a table. An attacker takes the rounding for noise of its size.
/// </summary>
[Cites("dettmers2022blockwise", "dettmers2023qlora")]
public sealed record BlockwiseQuantization : Defense
{
    /// <summary>The table of values.</summary>
    public BlockCode Code { get; init; }

    private int Block => Code == BlockCode.Dynamic8 ? 4096 : 64;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        if (Code == BlockCode.None)
            return update;
        var table = Table(Code);
        return GradientSet.Gather(update.Layout, [.. update.Split().Select(part =>
            Each(part, Block, (shares, largest) => Nearest(shares, table) * largest))]);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null) =>
        Code == BlockCode.None ? Channel.None : new Rounded(Code, Block, Table(Code));

    /// <summary>The sorted values of a table.</summary>
    internal static double[] Table(BlockCode code) => code switch
    {
        BlockCode.Float4 => Mirrored([0, 1 / 192.0, 1 / 6.0, 0.25, 1 / 3.0, 0.5, 2 / 3.0, 1]),
        BlockCode.NormalFloat4 =>
        [
            -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
            -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
            0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
        ],
        _ => Dynamic(),
    };

    /// <summary>Decades of which every further one has twice as many values, at the middles of equal intervals, with 0 and 1.</summary>
    private static double[] Dynamic()
    {
        const int Decades = 7;
        var sizes = Enumerable.Range(0, Decades).SelectMany(decade => Enumerable.Range(0, 1 << decade)
            .Select(i => Math.Pow(10, decade - Decades + 1) * (0.1 + 0.9 * (i + 0.5) / (1 << decade)))).ToArray();
        return [.. sizes.Concat(sizes.Select(size => -size)).Append(0).Append(1).Order()];
    }

    private static double[] Mirrored(double[] sizes) => [.. sizes.Concat(sizes.Select(size => -size)).Distinct().Order()];

    /// <summary>The nearest value of a table for numbers of [-1,1].</summary>
    private static Tensor Nearest(Tensor shares, double[] table) =>
        tensor(table, shares.dtype, shares.device).index_select(0, Places(shares, table).reshape(-1)).view(shares.shape);

    private static Tensor Places(Tensor shares, double[] table) => bucketize(shares,
        tensor([.. table.Zip(table.Skip(1), (low, high) => (low + high) / 2)], shares.dtype, shares.device));

    /// <summary>A map of the numbers of every block over its largest magnitude, and of that magnitude [blocks,1].</summary>
    private static Tensor Each(Tensor part, int block, Func<Tensor, Tensor, Tensor> map)
    {
        var padding = (block - part.numel() % block) % block;
        var blocks = nn.functional.pad(part.reshape(-1), [0, padding]).view(-1, block);
        var largest = blocks.abs().amax([1], keepdim: true);
        return map(blocks / largest.clamp_min(1e-30), largest).reshape(-1).narrow(0, 0, part.numel()).view(part.shape);
    }

    private sealed class Rounded(BlockCode code, int block, double[] table) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Rounding;

        public override string Description => $"quantized in blocks of {block} by the table {code}";

        /// <summary>Numbers are spread evenly over the interval that a value stands for.</summary>
        public override double Deviation(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            var gaps = torch.tensor([.. table.Select((_, i) =>
                (table[Math.Min(i + 1, table.Length - 1)] - table[Math.Max(i - 1, 0)]) / 2)]);
            var widths = Each(sent[tensor].to(ScalarType.Float64).cpu(), block,
                (shares, largest) => gaps.index_select(0, Places(shares, table).reshape(-1)).view(shares.shape) * largest);
            return Math.Sqrt(widths.square().mean().ToDouble() / 12);
        }

        public override double Floor(GradientSet sent) => Math.Min(1,
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum())
            / Math.Max(sent.Norm(), 1e-30));
    }
}

/// <summary>Tables of a blockwise quantizer.</summary>
public enum BlockCode
{
    /// <summary>The update as it is.</summary>
    None,

    /// <summary>256 values, dense towards zero, in blocks of 4096 (BLOCKWISE8).</summary>
    Dynamic8,

    /// <summary>15 different values of a 4-bit float, in blocks of 64 (FLOAT4).</summary>
    Float4,

    /// <summary>16 quantiles of a normal distribution, in blocks of 64 (NORMFLOAT4).</summary>
    NormalFloat4,
}
