using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>Half the mean square of the normalized images (Yin et al., 2021).</summary>
[Cites("yin2021see")]
public sealed record L2 : Prior
{
    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context) =>
        trial => context.Model.Normalize(trial.Images).square().mean() / 2;
}
