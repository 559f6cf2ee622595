using Afterimage.Federation;

namespace Afterimage.Starts;

/// <summary>Where the search for the images begins.</summary>
public abstract record Start
{
    /// <summary>Whether a network that was trained on images beforehand makes it.</summary>
    public virtual bool IsTrained => false;

    /// <summary>The first iterate, images of shape [B,C,H,W].</summary>
    /// <param name="context">The round.</param>
    /// <param name="random">The random stream of this restart.</param>
    public abstract Tensor Draw(AttackContext context, RandomSource random);

    /// <summary>Images [count,C,H,W] that its trained network makes without any update; null where it makes none.</summary>
    /// <param name="count">How many.</param>
    /// <param name="random">Chooses them.</param>
    public virtual Tensor? Imagine(int count, RandomSource random) => null;
}
