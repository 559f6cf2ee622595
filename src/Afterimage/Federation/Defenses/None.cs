namespace Afterimage.Federation;

/// <summary>No defense: the client sends its update as it is.</summary>
public sealed record None : Defense
{
    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random) => update;

    /// <inheritdoc/>
    public override Channel Known() => Channel.None;
}
