using Afterimage.Federation;
using Afterimage.Networks;

namespace Afterimage.Priors;

/// <summary>
/// RED (Romano, Elad and Milanfar, 2017): an image is likely where a denoiser leaves it as it is. The value is the mean of
/// x (x - D(x)) / 2 over pixels; its gradient is taken to be (x - D(x)) / pixels, without a derivative of the denoiser D, which is an
/// FFDNet (Zhang, Zuo and Zhang, 2018). That is the gradient of the value only where D is homogeneous and its Jacobian symmetric
/// (Reehorst and Schniter, 2019), which no network is exactly: a force without a potential.
/// </summary>
/// <remarks>First-order solvers follow it; a line search may find that the value does not fall.</remarks>
[Cites("romano2017little", "reehorst2019regularization", "zhang2018ffdnet")]
public sealed record RegularizationByDenoising : Prior
{
    /// <summary>A file of denoiser weights (FFDNet's, or one of "afterimage train denoiser"); null takes the one that comes with Afterimage.</summary>
    public string? Denoiser { get; init; }

    /// <summary>The noise that D removes: its deviation for pixels from 0 to 255.</summary>
    public double Sigma { get; init; } = 8;

    public override bool HasPotential => false;

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
