using Afterimage.Federation;
using Afterimage.Networks;

namespace Afterimage.Priors;

/// <summary>
/// RED (Romano, Elad and Milanfar, 2017) with the denoiser D of FFDNet (Zhang, Zuo and Zhang, 2018): images are likely that the
/// denoiser hardly changes. The value is the mean of x (x - D(x)) / 2 over pixels; the gradient is taken to be (x - D(x)) / pixels,
/// without a derivative of D. It is the gradient of the value only if D is homogeneous and has a symmetric Jacobian (Reehorst and
/// Schniter, 2019), which holds for no network exactly.
/// </summary>
/// <remarks>First-order solvers follow it; a line search may find that the value does not fall.</remarks>
[Cites("romano2017little", "reehorst2019regularization", "zhang2018ffdnet")]
public sealed record RegularizationByDenoising : Prior
{
    /// <summary>A file of FFDNet's weights or of "afterimage train denoiser"; null is the denoiser that comes with Afterimage.</summary>
    public string? Denoiser { get; init; }

    /// <summary>Standard deviation of the noise that D removes, in (0,255], for pixels from 0 to 255.</summary>
    [Range(0, 255, MinimumIsExclusive = true)]
    public double Sigma { get; init; } = 8;

    /// <inheritdoc/>
    public override bool HasPotential => false;

    /// <inheritdoc/>
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var denoiser = Networks.Denoiser.Open(Denoiser).To(context.Model.Device);
        var sigma = Networks.Denoiser.Level(Sigma);
        return trial =>
        {
            var here = trial.Images.detach();
            var residual = here - denoiser.Clean(here, sigma);
            // Both sums have the same value; only the first is differentiated.
            return ((trial.Images * residual).sum() - 0.5 * (here * residual).sum()) / here.numel();
        };
    }
}
