namespace Afterimage.Federation;

/// <summary>The way of an update of which zeros stand for the numbers that were not sent.</summary>
/// <param name="words">The end of a sentence on the update.</param>
/// <param name="largest">Whether the rest is no larger than what was sent; otherwise it was chosen at random.</param>
/// <param name="each">Whether the largest were chosen tensor by tensor.</param>
/// <param name="rounds">Earlier rounds whose rest was added to what was sent.</param>
internal sealed class SparseChannel(string words, bool largest, bool each, int rounds) : Channel
{
    public override ChannelEffects Effects => ChannelEffects.Missing | (rounds > 0 ? ChannelEffects.Noise : ChannelEffects.None);

    public override string Description => words;

    public override Tensor? Mask(GradientSet sent) => sent.Flat.ne(0).to(sent.Flat.dtype);

    public override double Withheld(GradientSet sent, int tensor)
    {
        using var scope = Tidy.Scope();
        var missing = sent[tensor].eq(0).to(ScalarType.Float64).mean().ToDouble();
        // Spread evenly up to the smallest number sent; chosen at random, the rest is like what was sent.
        return largest ? Smallest(each ? sent[tensor] : sent.Flat) * Math.Sqrt(missing / 3)
            : Math.Sqrt(missing / Math.Max(1e-12, 1 - missing) * sent[tensor].to(ScalarType.Float64).square().mean().ToDouble());
    }

    // What stays behind is spread up to the smallest number sent, or is a sum of updates like the one that shows.
    public override double Deviation(GradientSet sent, int tensor)
    {
        if (rounds == 0)
            return 0;
        using var scope = Tidy.Scope();
        var part = (each ? sent[tensor] : sent.Flat).to(ScalarType.Float64);
        var share = part.ne(0).to(ScalarType.Float64).mean().ToDouble();
        return largest ? Smallest(part) / Math.Sqrt(3)
            : Math.Sqrt(Waiting(share) / (1 + Waiting(share)) * part.square().sum().ToDouble() / Math.Max(1, share * part.numel()));
    }

    public override double Floor(GradientSet sent)
    {
        if (rounds == 0)
            return 0;
        using var scope = Tidy.Scope();
        var square = sent.Layout.Entries.Select((_, i) =>
            Math.Pow(Deviation(sent, i), 2) * sent[i].ne(0).sum(ScalarType.Float64).ToDouble()).Sum();
        return Math.Min(1, Math.Sqrt(square) / Math.Max(sent.Norm(), 1e-30));
    }

    /// <summary>Rounds that a number has waited on average when each is sent by chance.</summary>
    private double Waiting(double share) => share <= 0 ? rounds
        : Enumerable.Range(1, rounds).Sum(round => Math.Pow(1 - share, round));

    private static double Smallest(Tensor part)
    {
        var sizes = part.abs();
        var arrived = sizes.masked_select(sizes.gt(0));
        return arrived.numel() == 0 ? 0 : arrived.min().to(ScalarType.Float64).ToDouble();
    }
}
