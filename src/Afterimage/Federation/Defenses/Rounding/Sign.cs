using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Only the sign of every number is sent (signSGD; Bernstein et al., 2018): 1, -1, or 0 for a number that is zero. An attacker compares
/// signs through a smooth step.
/// </summary>
[Cites("bernstein2018signsgd")]
public sealed record Sign : Defense
{
    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null) =>
        new(update.Layout, update.Flat.sign());

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null) => TensorScales.Signs;
}
