using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>A penalty on the images that is independent of the update, as in maximum a posteriori estimation.</summary>
public abstract record Prior
{
    /// <summary>Its factor in the objective.</summary>
    [Range(0, 1e30)]
    public double Weight { get; init; } = 1;

    /// <summary>
    /// Whether the gradient that libtorch computes is the derivative of the value. A prior without a potential, where it is not,
    /// states its gradient in its summary.
    /// </summary>
    public virtual bool HasPotential => true;

    /// <summary>Whether it is a network that was trained on images beforehand.</summary>
    public virtual bool IsTrained => false;

    /// <summary>
    /// The penalty for one round, a function of an iterate. It returns a scalar that libtorch can differentiate with respect to the
    /// images, and has no side effects.
    /// </summary>
    public abstract Func<PriorInput, Tensor> Bind(AttackContext context);
}
