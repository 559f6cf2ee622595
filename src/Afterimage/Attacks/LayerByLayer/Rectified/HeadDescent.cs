using Afterimage.Images;

namespace Afterimage.Attacks;

/// <summary>From the head down, one piece after the other, as far as equations lead.</summary>
internal abstract class HeadDescent(AttackRun run, RectifiedChain chain, ProceduralFeatures procedural)
{
    /// <summary>A layer that leaves more than this of its weight gradient is not solved.</summary>
    private const double Solved = 0.01;

    /// <summary>The same of the first layer where the features behind it are plenty: a search does better than a poor fit.</summary>
    private const double SolvedImage = 1e-4;

    /// <summary>A place whose error is more than this share of the variance is not solved for, and so many of them are too many.</summary>
    private const double Open = 0.05, MostOpen = 0.02;

    /// <summary>A feature whose error is more than this share of what features are like is in doubt.</summary>
    private const double Clear = 0.01;

    /// <summary>How many pieces lie in front of the features that were found; all where none were.</summary>
    public int Depth { get; protected set; } = chain.Pieces.Count;

    /// <summary>What leaves the last of these pieces, [1,C,H,W]; null where not even that is known.</summary>
    public Tensor? Features { get; protected set; }

    /// <summary>Whether any equations were solved.</summary>
    public virtual bool IsSolved => Depth < chain.Pieces.Count;

    protected AttackRun Attack => run;

    protected RectifiedChain Chain => chain;

    /// <summary>dL/d features.</summary>
    protected Tensor? FeatureGradient { get; set; }

    /// <summary>As far as it leads.</summary>
    public abstract void Run();

    /// <summary>What is known of the last piece in front of the features.</summary>
    /// <param name="piece">In the precision of the search.</param>
    public virtual LastPiece Last(RectifiedPiece piece, bool withGradient = false)
    {
        var block = (RectifiedBlock)piece;
        return new LastBlock(block, Features!.to(block.Weight.dtype), Error?.to(block.Weight.dtype), FeatureGradient!,
            !withGradient && IsClear && Features.numel() >= KnownFeatures.Abundant * run.Context.Model.Input.Count);
    }

    /// <summary>
    /// The search that weighs the places of the maxima of the last piece in front of the features; null where it has none.
    /// </summary>
    /// <param name="trunk">From images to the input of the piece.</param>
    /// <param name="piece">In the precision of the search.</param>
    /// <param name="photographs">What is believed of images.</param>
    public PoolingDescent? Pooled(FeatureMap trunk, RectifiedPiece piece, GaussianImages photographs) =>
        piece is RectifiedBlock { Pool: not null, Batch: null } block && Features is not null
            ? new(trunk, block, Features, FeatureGradient!, photographs, block.Weight.dtype == ScalarType.Float64) : null;

    /// <summary>Whether that search weighs the doubt about places, for which it needs double precision.</summary>
    public bool WeighsDoubt => Depth == 1 && chain.Pieces[0] is RectifiedBlock block && PoolingDescent.WeighsDoubt(block);

    /// <summary>Standard deviations of the features, [1,C,H,W]; null where they are exact.</summary>
    protected Tensor? Error { get; set; }

    /// <summary>Whether no feature is in doubt.</summary>
    private bool IsClear => Error is null || Error.max().ToDouble() < Clear * Features!.square().mean().sqrt().ToDouble();

    /// <summary>Through convolutions with or without pooling.</summary>
    protected void Descend()
    {
        var clear = (Depth, Features, FeatureGradient, Error);
        for (; Depth > 0 && !run.Stop.IsCancellationRequested && chain.Pieces[Depth - 1] is RectifiedBlock block; Depth--)
        {
            if (!block.IsDetermined || block.WeightGradient.norm().ToDouble() == 0)
            {
                run.Note(new LayerOpen(block.Conv.Name, "its weight gradient does not determine its input"));
                break;
            }
            if (block.Group is not null && Depth == 1)
            {
                run.Note(new LayerOpen(block.Conv.Name, "its GroupNorm hides the scale of the image"));
                break;
            }
            var guesses = procedural.Inputs(Depth - 1, Features!).ToList();
            var found = block.Group is not null
                ? new GroupedLayer(block, Features!, FeatureGradient!, new(chain.Pieces[Depth - 2].ShiftGradient!)).Solve(guesses[0].Mean)
                : block.Pool is not null ? new PooledLayer(block, Features!, FeatureGradient!).Solve(guesses, run.Stop)
                : new PlainLayer(block, Features!, FeatureGradient!)
                    .Solve(block.Batch is null ? zeros([1, .. block.Input], ScalarType.Float64) : guesses[0].Mean);
            run.Note(new LayerSolved(block.Conv.Name, block.Input[0] * block.Places, found.Residual)
            {
                Where = block.Pool is null ? "" : "behind a pooling",
            });
            var searchable = Depth == 1 && Features!.numel() >= KnownFeatures.Plenty * run.Context.Model.Input.Count;
            if (!(found.Residual < block.Exact(searchable ? SolvedImage : Solved)))
                break;
            var error = block.Error(found, guesses[^1].Variance);
            var open = (error.square() > Open * guesses[^1].Variance.mean()).to(ScalarType.Float64).mean().ToDouble();
            (Features, FeatureGradient, Error) = (found.Input, block.Back(found.PreActivationGradient), error);
            if (open <= MostOpen)
                clear = (Depth - 1, Features, FeatureGradient, Error);
            else
                run.Note(new LayerOpen(block.Conv.Name, FormattableString.Invariant(
                    $"its weight gradient leaves {open:P0} of its places open, because no gradient passes some of its outputs")));
        }
        // A layer that leaves places open is worth its equations, unless one below it has proved its input.
        (Depth, Features, FeatureGradient, Error) = clear;
    }
}
