namespace Afterimage.Federation;

/// <summary>
/// Sparsification (Aji and Heafield, 2017): only the numbers of largest magnitude are sent, zeros stand for the rest. An attacker compares
/// what was sent alone, and knows that the rest is no larger than the smallest number sent.
/// </summary>
[Cites("aji2017sparse")]
public sealed record TopK : Defense
{
    /// <summary>The share of the update's numbers that is sent, in (0,1]; 1 sends all.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Share { get; init; } = 0.1;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random)
    {
        Settings.Check(this);
        if (Share == 1)
            return update;
        var kept = update.Flat.abs().topk((int)Math.Ceiling(Share * update.Layout.Count), sorted: false).indexes;
        return new(update.Layout, zeros_like(update.Flat).index_copy_(0, kept, update.Flat.index_select(0, kept)));
    }

    /// <inheritdoc/>
    public override Channel Known()
    {
        Settings.Check(this);
        return Share == 1 ? Channel.None : new Sparse(Share);
    }

    private sealed class Sparse(double share) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Missing;

        public override string Description =>
            FormattableString.Invariant($"of whose numbers only the largest {100 * share:0.###} % were sent");

        public override Tensor? Mask(GradientSet sent) => sent.Flat.ne(0).to(sent.Flat.dtype);

        public override double Withheld(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            var missing = sent[tensor].eq(0).to(ScalarType.Float64).mean().ToDouble();
            var sizes = sent.Flat.abs();
            var arrived = sizes.masked_select(sizes.gt(0));
            // Spread evenly up to the smallest number sent.
            return arrived.numel() == 0 ? 0 : arrived.min().ToDouble() * Math.Sqrt(missing / 3);
        }
    }
}
