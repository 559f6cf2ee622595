using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>The update is sent in a floating-point format of fewer bits.</summary>
public sealed record ReducedPrecision : Defense
{
    /// <summary>The format on the wire.</summary>
    public NumberFormat Format { get; init; } = NumberFormat.Float16;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        if (Format == NumberFormat.Float32)
            return update;
        var rounded = update.Flat.to(Format == NumberFormat.Float16 ? ScalarType.Float16 : ScalarType.BFloat16).to(update.Flat.dtype);
        return rounded.isfinite().all().ToBoolean() || !update.Flat.isfinite().all().ToBoolean() ? new(update.Layout, rounded)
            : throw new AfterimageException(
                "The update has numbers beyond the range of float16 (65,504): send it in bfloat16, or scale it down.");
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null) => Format switch
    {
        NumberFormat.Float16 => new Rounded("float16", 11, Math.Pow(2, -24)),
        NumberFormat.BFloat16 => new Rounded("bfloat16", 8, 0),
        _ => Channel.None,
    };

    /// <param name="format">Its name.</param>
    /// <param name="bits">Binary digits of a number.</param>
    /// <param name="smallest">The distance of the smallest numbers from one another.</param>
    private sealed class Rounded(string format, int bits, double smallest) : Channel
    {
        /// <summary>Rounding of uniformly spread digits to one bit, relative to the root mean square of the rounded numbers.</summary>
        private const double OneBit = 0.424;

        public override ChannelEffects Effects => ChannelEffects.Rounding;

        public override string Description => $"rounded to {format}";

        public override double Deviation(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            var square = sent[tensor].to(ScalarType.Float64).square().mean().ToDouble();
            return Math.Sqrt(Math.Pow(OneBit * Math.Pow(2, -bits), 2) * square + smallest * smallest / 12);
        }

        public override double Floor(GradientSet sent) =>
            Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum()) / sent.Norm();
    }
}

/// <summary>Floating-point formats of an update.</summary>
public enum NumberFormat
{
    /// <summary>24 binary digits: the update as it is.</summary>
    Float32,

    /// <summary>11 binary digits, up to 65,504.</summary>
    Float16,

    /// <summary>8 binary digits, the range of float32.</summary>
    BFloat16,
}
