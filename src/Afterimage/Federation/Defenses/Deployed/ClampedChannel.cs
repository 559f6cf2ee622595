namespace Afterimage.Federation;

/// <summary>The way of an update of which small numbers became zero and large ones were cut at a magnitude.</summary>
/// <param name="bound">The largest magnitude that is sent.</param>
/// <param name="words">The end of a sentence on the update.</param>
/// <param name="deviation">Of noise that was added before the cut; 0 where there was none.</param>
internal sealed class ClampedChannel(double bound, string words, double deviation = 0) : Channel
{
    public override ChannelEffects Effects =>
        ChannelEffects.Missing | ChannelEffects.Mapped | (deviation > 0 ? ChannelEffects.Noise : ChannelEffects.None);

    public override string Description => words;

    public override ChannelMap At(GradientSet update) => new Cut(update, bound);

    public override Tensor? Mask(GradientSet sent) => sent.Flat.ne(0).to(sent.Flat.dtype);

    // No number that was cut is further from the truth than two bounds.
    public override double Deviation(GradientSet sent, int tensor) => Math.Min(deviation, 2 * bound / Math.Sqrt(3));

    public override double Withheld(GradientSet sent, int tensor)
    {
        using var scope = Tidy.Scope();
        var missing = sent[tensor].eq(0).to(ScalarType.Float64).mean().ToDouble();
        var sizes = sent.Flat.abs();
        var arrived = sizes.masked_select(sizes.gt(0));
        return arrived.numel() == 0 ? 0 : arrived.min().to(ScalarType.Float64).ToDouble() * Math.Sqrt(missing / 3);
    }

    /// <summary>
    /// What noise before the cut leaves of numbers within the bounds: most of them end at one bound or the other where it is much larger.
    /// </summary>
    public override double Floor(GradientSet sent)
    {
        if (deviation == 0)
            return 0;
        using var scope = Tidy.Scope();
        var count = sent.Flat.ne(0).sum(ScalarType.Float64).ToDouble();
        return Math.Sqrt(count) * Math.Min(deviation, bound) / Math.Max(sent.Norm(), 1e-30);
    }

    private sealed class Cut(GradientSet update, double bound) : ChannelMap
    {
        private readonly Tensor inside = update.Flat.abs().lt(bound).to(update.Flat.dtype);

        public override GradientSet Value { get; } = new(update.Layout, update.Flat.clamp(-bound, bound));

        public override GradientSet Push(GradientSet change) => new(change.Layout, change.Flat * inside);

        public override GradientSet Pull(GradientSet direction) => Push(direction);
    }
}
