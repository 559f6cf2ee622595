namespace Afterimage.Attacks;

/// <summary>From the head down, one piece after the other, as far as equations lead.</summary>
internal abstract class HeadDescent(RectifiedChain chain, ProceduralFeatures procedural)
{
    /// <summary>A layer that leaves more than this of its weight gradient is not solved.</summary>
    private const double Solved = 0.01;

    /// <summary>How many pieces lie in front of the features that were found; all where none were.</summary>
    public int Depth { get; protected set; } = chain.Pieces.Count;

    /// <summary>What leaves the last of these pieces, [1,C,H,W]; null where not even that is known.</summary>
    public Tensor? Features { get; protected set; }

    /// <summary>Whether any equations were solved.</summary>
    public virtual bool IsSolved => Depth < chain.Pieces.Count;

    public List<string> Notes { get; } = [];

    protected RectifiedChain Chain => chain;

    /// <summary>dL/d features.</summary>
    protected Tensor? Signal { get; set; }

    /// <param name="noise">What a client's own noise leaves of a weight gradient, relative; 0 without.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    public abstract void Run(double noise, CancellationToken cancellation);

    /// <summary>What is known of the last piece in front of the features.</summary>
    /// <param name="piece">In the precision of the search.</param>
    public virtual LastPiece Last(RectifiedPiece piece) => new LastBlock((RectifiedBlock)piece, Features!.to(ScalarType.Float32), Signal!);

    /// <summary>Through convolutions with or without pooling.</summary>
    protected void Descend(double noise, CancellationToken cancellation)
    {
        for (; Depth > 0 && !cancellation.IsCancellationRequested && chain.Pieces[Depth - 1] is RectifiedBlock block; Depth--)
        {
            if (!block.IsDetermined || block.WeightGradient.norm().ToDouble() == 0)
            {
                Notes.Add($"{block.Conv.Name}: its weight gradient does not determine its input.");
                break;
            }
            var guesses = procedural.Inputs(Depth - 1, Features!);
            var found = block.Pool is not null ? new PooledLayer(block, Features!, Signal!).Solve(guesses, cancellation)
                : new PlainLayer(block, Features!, Signal!).Solve(block.Batch is null ? zeros([1, .. block.Input], ScalarType.Float64) : guesses.First().Mean);
            var pooled = block.Pool is null ? "" : " behind a pooling";
            Notes.Add(FormattableString.Invariant($"{block.Conv.Name}: {block.Input[0] * block.Places} inputs{pooled}, residual {found.Residual:G2}."));
            if (!(found.Residual < Math.Max(Solved, 2 * noise)))
                break;
            (Features, Signal) = (found.Input, block.Back(found.Signal));
        }
    }
}
