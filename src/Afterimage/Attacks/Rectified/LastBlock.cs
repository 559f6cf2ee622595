namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The last block whose output is known: its features, without the ReLU, and its weight gradient dL/dW = dL/dz x', both as functions of its
/// input x. dL/d features is known as well; the places of the maxima are those that the input says, and held during a step.
/// </summary>
internal sealed class LastBlock : LastPiece
{
    /// <summary>Numbers of a system beyond which the weight gradient is left aside.</summary>
    private const long Largest = 60_000_000;

    private readonly RectifiedBlock block;
    private readonly Tensor signal;
    private readonly Tensor target;
    private readonly double scale;
    private Tensor? winners;
    private Tensor? system;

    /// <param name="block">In the precision of the search.</param>
    /// <param name="features">As known, [1,*Leaving].</param>
    /// <param name="signal">dL/d features, in double precision.</param>
    public LastBlock(RectifiedBlock block, Tensor features, Tensor signal) : base(features)
    {
        this.block = block;
        // Gradients of certain networks are too small for single precision to square.
        scale = 1 / Math.Max(block.Target.square().mean().sqrt().ToDouble(), double.Epsilon);
        this.signal = signal * Alive * block.Scale.to(ScalarType.Float64);
        target = (block.Target * scale).to(features.dtype);
    }

    public override bool HasSystem => block.Equations * block.Places <= Largest && block.WeightGradient.norm().ToDouble() > 0;

    public override long Channels => block.Conv.Output;

    public override Tensor Features(Tensor x) => block.Forward(x);

    /// <summary>Takes the maxima where <see cref="LastPiece.Left"/> last saw them.</summary>
    public override void Settle(Tensor x)
    {
        using var scope = Tidy.Scope();
        var arriving = block.Spread(signal, winners);
        var coupled = block.Batch is null ? null : ((RectifiedBlock)block.To(ScalarType.Float64)).Coupled(block.Before(x).to(ScalarType.Float64));
        Kept.Replace(ref system, (block.System(coupled is null ? arriving : arriving + coupled) * scale).to(x.dtype));
    }

    public override Tensor Open(Tensor x) => Tidy.Keep(() => target - Gradient(x));

    public override Tensor Gradient(Tensor change) => Tidy.Keep(() => system!.matmul(change.flatten(2)[0].t()));

    public override Tensor PullGradient(Tensor open) => Tidy.Keep(() => system!.t().matmul(open).t().reshape([1, .. block.Input]));

    public override Tensor Push(Tensor change) => Tidy.Keep(() => block.Picked(block.Multiply(change), winners));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() => block.Transpose(block.Spread(features, winners)));

    public override void Dispose()
    {
        winners?.Dispose();
        system?.Dispose();
    }

    protected override Tensor Seen(Tensor x) => block.Pooled(block.Before(x), ref winners);
}
