using Afterimage.Federation;

namespace Afterimage.Starts;

/// <summary>Where the search for the images begins.</summary>
public abstract record Start
{
    /// <summary>The first iterate, images of shape [B,C,H,W].</summary>
    /// <param name="context">The round.</param>
    /// <param name="random">The random stream of this restart.</param>
    public abstract Tensor Draw(AttackContext context, RandomSource random);
}
