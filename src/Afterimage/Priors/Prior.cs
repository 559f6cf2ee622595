using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>What is believed of the images before the update is seen.</summary>
public abstract record Prior
{
    public double Weight { get; init; } = 1;

    /// <summary>The penalty for one round: images in [0,1] of shape [B,C,H,W] to a scalar, differentiable by libtorch, without side effects.</summary>
    public abstract Func<Tensor, Tensor> Bind(AttackContext context);
}
