using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>What is believed of the images before the update is seen.</summary>
public abstract record Prior
{
    public double Weight { get; init; } = 1;

    /// <summary>
    /// Whether the gradient that libtorch finds is the derivative of the value. False for a force without a potential, which states
    /// its gradient in its summary.
    /// </summary>
    public virtual bool HasPotential => true;

    /// <summary>The penalty for one round: an iterate to a scalar, differentiable by libtorch with respect to its images, without side effects.</summary>
    public abstract Func<PriorInput, Tensor> Bind(AttackContext context);
}
