using Afterimage.Attacks.ClosedForm;

namespace Afterimage.Attacks.Rectified;

/// <summary>Through convolutions with or without pooling; the head takes in the features of the last.</summary>
internal sealed class PlainDescent : HeadDescent
{
    /// <summary>A layer that leaves more than this of its weight gradient is not solved.</summary>
    private const double Solved = 0.01;

    private readonly ProceduralFeatures procedural;
    private Tensor signal;

    public PlainDescent(RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural) : base(chain)
    {
        this.procedural = procedural;
        long[] shape = [1, .. chain.Pieces[^1].Leaving];
        Features = (reading.Signal.matmul(chain.Head.WeightGradient!) / reading.Signal.square().sum()).reshape(shape);
        signal = reading.Signal.matmul(chain.Head.Weight!).reshape(shape);
    }

    public override bool IsSolved => Depth < Chain.Pieces.Count;

    public override void Run(double noise, CancellationToken cancellation)
    {
        for (; Depth > 0 && !cancellation.IsCancellationRequested; Depth--)
        {
            var block = (RectifiedBlock)Chain.Pieces[Depth - 1];
            if (!block.IsDetermined)
            {
                Notes.Add($"{block.Conv.Name}: its weight gradient does not determine its input.");
                break;
            }
            var guesses = procedural.Inputs(Depth - 1, Features!);
            var found = block.Pool is null ? new PlainLayer(block, Features!, signal).Solve(guesses.First().Mean)
                : new PooledLayer(block, Features!, signal).Solve(guesses);
            Notes.Add(FormattableString.Invariant($"{block.Conv.Name}: {block.Input[0] * block.Places} inputs{(block.Pool is null ? "" : " behind a pooling")}, residual {found.Residual:G2}."));
            if (!(found.Residual < Math.Max(Solved, 2 * noise)))
                break;
            (Features, signal) = (found.Input, block.Back(found.Signal));
        }
    }

    public override LastPiece Last(RectifiedPiece piece) => new LastBlock((RectifiedBlock)piece, Features!.to(ScalarType.Float32), signal);
}
