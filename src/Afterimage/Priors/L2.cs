using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>Half the mean square of the images as the network sees them, after normalization (Yin et al., 2021).</summary>
[Cites("yin2021see")]
public sealed record L2 : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var model = context.Model;
        return trial => model.Normalize(trial.Images).square().mean() / 2;
    }
}
