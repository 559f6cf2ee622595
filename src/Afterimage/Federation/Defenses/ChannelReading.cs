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
        var tensors = update.Split();
        var (count, zeros, smallest, largest) = (0L, 0L, double.PositiveInfinity, 0.0);
        foreach (var values in tensors.Select(Values))
        {
            count += values.Length;
            foreach (var value in values)
            {
                var size = Math.Abs(value);
                if (size == 0)
                    zeros++;
                else
                    (smallest, largest) = (Math.Min(smallest, size), Math.Max(largest, size));
            }
        }
        if (count - zeros < 2)
            return null;
        if (largest <= smallest * (1 + 1e-6))
            return new(TensorScales.Signs, "its numbers have one magnitude: only signs were sent, which are compared with the signs of " +
                "an attack's own update")
            {
                Magnitude = smallest,
            };
        return Grid(tensors) ?? Sparse(update, (double)zeros / count, smallest) ?? Format(tensors);
    }

    /// <summary>One tensor at a time, so that large updates are never held twice.</summary>
    private static double[] Values(Tensor part)
    {
        using var scope = Tidy.Scope();
        return part.detach().to(ScalarType.Float64).cpu().reshape(-1).data<double>().ToArray();
    }

    private static ChannelReading? Sparse(GradientSet update, double zeros, double smallest)
    {
        using var scope = Tidy.Scope();
        return zeros > ManyZeros && update.Flat.detach().abs() is var sizes
            && smallest > Gap * sizes.masked_select(sizes > 0).median().to(ScalarType.Float64).ToDouble()
            ? new(new TopK { Share = 1 - zeros }.Known(), FormattableString.Invariant(
                $"{100 * zeros:0.#} % of its numbers are zero and none is small: only the largest were sent, the rest counts as not seen"))
            : null;
    }

    private static ChannelReading? Grid(IReadOnlyList<Tensor> tensors)
    {
        var grids = new List<ValueGrid>();
        foreach (var values in tensors.Select(Values))
        {
            grids.Add(ValueGrid.Of(values, Levels));
            if (values.Length >= Enough && !grids[^1].IsWhole)
                return null;
        }
        var large = grids.Where(grid => grid.Count >= Enough).ToList();
        // Few numbers may lie several steps apart; their grid is as fine as that of the others.
        var fineness = large.Select(grid => grid.Fineness).DefaultIfEmpty().Max();
        return large.Count == 0 ? null : new(
            new Quantized([.. grids.Select(grid => grid.Finer(fineness).Step / Math.Sqrt(12) / Math.Max(grid.Size, 1e-300))]),
            $"every tensor has {Levels} different values at most, evenly spaced: it was quantized to 8 bits or fewer");
    }

    private static ChannelReading? Format(IReadOnlyList<Tensor> tensors)
    {
        bool All(Func<double, bool> fits) => tensors.Select(Values).All(values => values.All(fits));
        if (All(value => (double)(Half)value == value))
            return new(new ReducedPrecision().Known(), "all its numbers are float16's");
        return All(value => value == (float)value && (BitConverter.SingleToInt32Bits((float)value) & 0xFFFF) == 0)
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
