using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>
/// Low resolution first: each level doubles it and begins with the images of the level before, and the last is a space of full resolution.
/// The steps of the solver are shared evenly.
/// </summary>
public sealed record CoarseToFine : SearchSpace
{
    /// <summary>Resolutions, the full one included.</summary>
    [Range(1, 8)]
    public int Levels { get; init; } = 3;

    /// <summary>Whether every step of the coarse levels is projected back into [0,1].</summary>
    public bool Box { get; init; }

    /// <summary>The last level.</summary>
    public SearchSpace Finest { get; init; } = new Pixels();

    /// <inheritdoc/>
    public override IReadOnlyList<SearchSpace> Stages =>
    [
        .. Enumerable.Range(1, Math.Max(0, Levels - 1)).Reverse().Select(level => new LowResolution { Factor = 1 << level, Box = Box }),
        .. Finest.Stages,
    ];

    /// <summary>Opens the last level; whoever goes through the <see cref="SearchSpace.Stages"/> never calls it.</summary>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        Finest.Open(context, start, random, targets);
}
