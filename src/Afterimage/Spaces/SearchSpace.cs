using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>What an attack moves while it looks for the images: pixels, coefficients, a latent code, the weights of a generator.</summary>
public abstract record SearchSpace
{
    /// <summary>Opens the space for one restart.</summary>
    /// <param name="context">The round.</param>
    /// <param name="start">Images of shape [B,C,H,W] where the search begins, as far as the space can express them.</param>
    /// <param name="random">The stream of this restart.</param>
    /// <param name="targets">Label probabilities [B,classes], for spaces that know classes; null where nobody knows them.</param>
    public abstract Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null);

    /// <summary>Opens the space where another one ended.</summary>
    /// <param name="context">The round.</param>
    /// <param name="before">The search of the stage before.</param>
    /// <param name="variables">Where it ended.</param>
    /// <param name="random">The stream of this restart.</param>
    /// <param name="targets">As for <see cref="Open"/>.</param>
    public virtual Search Follow(AttackContext context, Search before, Tensor variables, RandomSource random, Tensor? targets = null) =>
        Open(context, before.Decode(variables).clamp(0, 1), random, targets);

    /// <summary>The spaces that a search goes through, each from the images where the one before ended; most are one.</summary>
    public virtual IReadOnlyList<SearchSpace> Stages => [this];

    /// <summary>Whether a network that was trained on images beforehand makes its images.</summary>
    public virtual bool IsTrained => false;

    /// <summary>Images [count,C,H,W] that the network of a trained space makes without any search; null where there is none.</summary>
    public virtual Tensor? Imagine(AttackContext context, int count, RandomSource random) => null;

    /// <summary>Its share of the solver's steps next to the other stages.</summary>
    public virtual double Share => 1;

    /// <summary>Whether the stage of the least objective is the result; otherwise it is the last one.</summary>
    public virtual bool TakesBestStage => false;
}

/// <summary>One search: a flat vector of variables and the images it stands for.</summary>
public abstract class Search
{
    /// <summary>The variables at the start, one flat vector.</summary>
    public abstract Tensor Start { get; }

    /// <summary>Images of shape [B,C,H,W] for variables.</summary>
    public abstract Tensor Decode(Tensor variables);

    /// <summary>The derivative of a scalar with respect to the variables, from its derivative with respect to the images.</summary>
    public virtual Tensor Pullback(Tensor variables, Tensor imageGradient)
    {
        var leaf = variables.detach().requires_grad_();
        return Differentiate.Products([Decode(leaf)], [leaf], [imageGradient])[0];
    }

    /// <summary>Positive: the learning rate of the variables as a multiple of the solver's.</summary>
    public virtual double Rate => 1;

    /// <summary>What is believed of the variables themselves, a differentiable scalar; null is nothing.</summary>
    public virtual Tensor? Penalty(Tensor variables) => null;

    /// <summary>Moves variables, in place, to the nearest ones whose images are allowed; false when they were allowed already.</summary>
    public abstract bool Project(Tensor variables);
}
