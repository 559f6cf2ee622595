namespace Afterimage.Federation;

/// <summary>
/// What an update went through on its way where nobody says: numbers that were left out leave a gap above zero, formats of fewer bits and
/// quantizers leave grids, signs leave one magnitude.
/// </summary>
/// <param name="Channel">The channel that the numbers show.</param>
/// <param name="Sentence">What was seen, without a period.</param>
public sealed record ChannelReading(Channel Channel, string Sentence)
{
    /// <summary>What to divide the update by before it goes that way.</summary>
    public double Magnitude { get; private init; } = 1;

    // Structural zeros, of units that were off, have small neighbors; numbers that were left out have none.
    private const double ManyZeros = 0.2, Gap = 0.05;

    /// <summary>Distinct values of a grid at most, and numbers of a tensor from which so few say something.</summary>
    private const int Levels = 256, Enough = 1000;

    /// <summary>Reads the traces in an update; null where it has none.</summary>
    public static ChannelReading? Of(GradientSet update)
    {
        using var scope = Tidy.Scope();
        var tensors = update.Split().Select(part => part.detach().to(ScalarType.Float64).cpu().reshape(-1).data<double>().ToArray())
            .ToArray();
        var all = tensors.SelectMany(values => values).ToArray();
        var sizes = all.Where(value => value != 0).Select(Math.Abs).Order().ToArray();
        if (sizes.Length < 2)
            return null;
        if (sizes[^1] <= sizes[0] * (1 + 1e-6))
            return new(TensorScales.Signs, "its numbers have one magnitude: only signs were sent, which are compared with the signs of " +
                "an attack's own update")
            {
                Magnitude = sizes[0],
            };
        return Sparse(all.Length, sizes) ?? Grid(tensors) ?? Format(all);
    }

    private static ChannelReading? Sparse(int count, double[] sizes)
    {
        var zeros = 1 - (double)sizes.Length / count;
        return zeros > ManyZeros && sizes[0] > Gap * sizes[sizes.Length / 2]
            ? new(new TopK { Share = 1 - zeros }.Known(), FormattableString.Invariant(
                $"{100 * zeros:0.#} % of its numbers are zero and none is small: only the largest were sent, the rest counts as not seen"))
            : null;
    }

    private static ChannelReading? Grid(double[][] tensors)
    {
        var steps = tensors.Select(Step).ToArray();
        var large = tensors.Zip(steps).Where(pair => pair.First.Length >= Enough).ToArray();
        return large.Length > 0 && large.All(pair => pair.Second > 0)
            ? new(new Quantized([.. tensors.Zip(steps, (values, step) => step / Math.Sqrt(12) / Size(values))]),
                $"every tensor has {Levels} different values at most, evenly spaced: it was quantized to 8 bits or fewer")
            : null;
    }

    /// <summary>The spacing of a tensor's values; 0 where they lie on no coarse grid.</summary>
    private static double Step(double[] values)
    {
        var distinct = values.Distinct().Order().ToArray();
        if (distinct.Length is < 2 or > Levels)
            return 0;
        var gaps = distinct.Zip(distinct.Skip(1), (low, high) => high - low).ToArray();
        var step = gaps.Min();
        return gaps.All(gap => Math.Abs(gap / step - Math.Round(gap / step)) < 0.02 * Math.Round(gap / step)) ? step : 0;
    }

    private static double Size(double[] values) => Math.Max(TensorPrimitives.Norm<double>(values) / Math.Sqrt(values.Length), 1e-300);

    private static ChannelReading? Format(double[] all)
    {
        if (all.All(value => (double)(Half)value == value))
            return new(new ReducedPrecision().Known(), "all its numbers are float16's");
        return all.All(value => value == (float)value && (BitConverter.SingleToInt32Bits((float)value) & 0xFFFF) == 0)
            ? new(new ReducedPrecision { Format = NumberFormat.BFloat16 }.Known(), "all its numbers are bfloat16's") : null;
    }

    /// <param name="relative">Deviation of the rounding over the root mean square, for each parameter tensor.</param>
    private sealed class Quantized(double[] relative) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Rounding;

        public override string Description => "quantized to few levels";

        public override double Deviation(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            return relative[tensor] * Math.Sqrt(sent[tensor].to(ScalarType.Float64).square().mean().ToDouble());
        }

        public override double Floor(GradientSet sent) => Math.Min(1,
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum()) / sent.Norm());
    }
}
