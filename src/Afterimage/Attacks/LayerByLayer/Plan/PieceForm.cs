namespace Afterimage.Attacks;

/// <summary>A part of a network as structure alone, without numbers: what equations of it can be counted by.</summary>
internal abstract record PieceForm
{
    /// <summary>[C,H,W] of what enters.</summary>
    public abstract long[] Input { get; init; }

    /// <summary>[C,H,W] of what leaves.</summary>
    public abstract long[] Leaving { get; }
}
