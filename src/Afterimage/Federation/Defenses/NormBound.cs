using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Scales an update down to a Euclidean norm that it exceeds, as in differentially private federated averaging (McMahan et al., 2018).
/// </summary>
[Cites("mcmahan2018learning")]
public sealed record NormBound : Defense
{
    /// <summary>The largest norm that is sent, more than 0; infinity bounds nothing and is written as null.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? Bound { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null) =>
        Known().At(update) is { } map ? map.Value : update;

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Bound is { } bound ? new Bounded(bound) : Channel.None;
    }

    private sealed class Bounded(double bound) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Scaled;

        public override string Description => FormattableString.Invariant($"scaled down where its norm exceeds {bound:G3}");

        public override ChannelMap? At(GradientSet update) =>
            update.Norm() is var norm && norm > bound ? new Projection(update, norm, bound) : null;
    }

    /// <summary>g c / |g|, whose derivative (I - g g' / |g|^2) c / |g| is symmetric.</summary>
    private sealed class Projection(GradientSet update, double norm, double bound) : ChannelMap
    {
        public override GradientSet Value { get; } = update.Scale(bound / norm);

        public override GradientSet Push(GradientSet change)
        {
            var along = change.Flat.dot(update.Flat).ToDouble() / (norm * norm);
            return new(update.Layout, (change.Flat - update.Flat * along) * (bound / norm));
        }

        public override GradientSet Pull(GradientSet direction) => Push(direction);
    }
}
