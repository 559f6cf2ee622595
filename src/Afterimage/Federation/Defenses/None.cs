using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>No defense: the client sends its update as it is.</summary>
public sealed record None : Defense
{
    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null) => update;

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null) => Channel.None;
}
