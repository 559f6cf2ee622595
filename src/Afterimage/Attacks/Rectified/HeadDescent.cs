namespace Afterimage.Attacks.Rectified;

/// <summary>From the head down, one piece after the other, as far as equations lead.</summary>
internal abstract class HeadDescent(RectifiedChain chain)
{
    /// <summary>How many pieces lie in front of the features that were found; all where none were.</summary>
    public int Depth { get; protected set; } = chain.Pieces.Count;

    /// <summary>What leaves the last of these pieces, [1,C,H,W]; null where not even that is known.</summary>
    public Tensor? Features { get; protected set; }

    /// <summary>Whether any equations were solved.</summary>
    public abstract bool IsSolved { get; }

    public List<string> Notes { get; } = [];

    protected RectifiedChain Chain => chain;

    /// <param name="noise">What a client's own noise leaves of a weight gradient, relative; 0 without.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    public abstract void Run(double noise, CancellationToken cancellation);

    /// <summary>What is known of the last piece in front of the features.</summary>
    /// <param name="piece">In the precision of the search.</param>
    public abstract LastPiece Last(RectifiedPiece piece);
}
