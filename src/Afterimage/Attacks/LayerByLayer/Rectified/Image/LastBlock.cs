namespace Afterimage.Attacks;

/// <summary>
/// The last block whose output is known: its features, without the ReLU, and its weight gradient dL/dW = dL/dz x', both as functions of its
/// input x. dL/d features is known as well; the places of the maxima are those that the input says, and held during a step.
/// </summary>
internal sealed class LastBlock : LastPiece
{
    private readonly RectifiedBlock block;
    private readonly Tensor featureGradient;
    private readonly NearBlock near;
    private Tensor? winners;

    /// <param name="block">In the precision of the search.</param>
    /// <param name="features">As known, [1,*Leaving].</param>
    /// <param name="error">Standard deviations of the features, [1,*Leaving]; null where they are exact.</param>
    /// <param name="featureGradient">dL/d features, in double precision.</param>
    /// <param name="enough">Whether features are so many that weight gradients would only cost time.</param>
    public LastBlock(RectifiedBlock block, Tensor features, Tensor? error, Tensor featureGradient, bool enough)
        : base(features, error, enough ? null : Telling(block))
    {
        (this.block, near) = (block, new(block));
        this.featureGradient = featureGradient * Alive;
    }

    public override Tensor Features(Tensor x) => block.Forward(x);

    /// <summary>Takes the maxima where <see cref="LastPiece.Left"/> last saw them.</summary>
    public override void Settle(Tensor x)
    {
        using var scope = Tidy.Scope();
        var (own, input) = ((RectifiedBlock)block.To(ScalarType.Float64), x.to(ScalarType.Float64));
        var arriving = own.Near(input).Arriving(block.Spread(featureGradient, winners));
        var coupled = block.Batch is null ? null : own.Coupled(own.Before(input));
        Take(coupled is null ? arriving : arriving + coupled);
    }

    public override Tensor? InputGradient() => HasGradient ? Tidy.Keep(() => block.Back(PreActivationGradient)) : null;

    public override Tensor Push(Tensor change) => Tidy.Keep(() => block.Picked(near.Block.Multiply(change), winners));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() => near.Block.Transpose(block.Spread(features, winners)));

    public override void Dispose()
    {
        winners?.Dispose();
        near.Dispose();
        base.Dispose();
    }

    protected override Tensor Seen(Tensor x)
    {
        near.Move(x);
        return block.Pooled(block.Before(x), ref winners);
    }
}
