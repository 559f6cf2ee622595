using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>What an attack moves while it looks for the images: pixels, coefficients, a latent code, the weights of a generator.</summary>
public abstract record SearchSpace
{
    /// <summary>Opens the space for one restart.</summary>
    /// <param name="context">The round.</param>
    /// <param name="start">Images of shape [B,C,H,W] where the search begins, as far as the space can express them.</param>
    /// <param name="random">The stream of this restart.</param>
    public abstract Search Open(AttackContext context, Tensor start, RandomSource random);

    /// <summary>The spaces that a search goes through, each from the images where the one before ended; most are one.</summary>
    public virtual IReadOnlyList<SearchSpace> Stages => [this];
}

/// <summary>One search: a flat vector of variables and the images it stands for.</summary>
public abstract class Search
{
    /// <summary>The variables at the start, one flat vector.</summary>
    public abstract Tensor Start { get; }

    /// <summary>Images of shape [B,C,H,W] for variables.</summary>
    public abstract Tensor Decode(Tensor variables);

    /// <summary>The derivative of a scalar with respect to the variables, from its derivative with respect to the images.</summary>
    public abstract Tensor Pullback(Tensor variables, Tensor imageGradient);

    /// <summary>Moves variables, in place, to the nearest ones whose images are allowed; false when they were allowed already.</summary>
    public abstract bool Project(Tensor variables);
}
