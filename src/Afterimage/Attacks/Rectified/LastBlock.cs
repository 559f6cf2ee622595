namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The last block whose output is known: its features, without the ReLU, and its weight gradient dL/dW = dL/dz x', both as functions of its
/// input x. dL/d features is known as well; the places of the maxima are those that the input says, and held during a step.
/// </summary>
internal sealed class LastBlock : IDisposable
{
    /// <summary>Numbers of a system beyond which the weight gradient is left aside.</summary>
    private const long Largest = 60_000_000;

    private readonly RectifiedBlock block;
    private readonly Tensor signal;
    private readonly Tensor target;
    private Tensor? winners;
    private Tensor? system;

    /// <param name="block">In the precision of the search.</param>
    /// <param name="features">As known, [1,*Leaving].</param>
    /// <param name="signal">dL/d features, in double precision.</param>
    public LastBlock(RectifiedBlock block, Tensor features, Tensor signal)
    {
        (this.block, Known) = (block, features);
        Alive = features > 1e-7 * features.max();
        this.signal = signal * Alive * block.Scale.to(ScalarType.Float64);
        target = block.Target.to(features.dtype);
        HasSystem = block.Equations * block.Places <= Largest;
    }

    public Tensor Known { get; }

    /// <summary>Where the known features are not zero.</summary>
    public Tensor Alive { get; }

    public bool HasSystem { get; }

    public long Channels => block.Conv.Output;

    /// <summary>What is left of the features for an input; where nothing is seen of a zero feature, nothing.</summary>
    public Tensor Left(Tensor x) => Tidy.Keep(() =>
    {
        var seen = block.Pooled(block.Before(x), ref winners);
        return where(Alive, Known - seen, -seen.relu());
    });

    /// <summary>Takes the maxima where <see cref="Left"/> last saw them.</summary>
    public void Settle(Tensor x)
    {
        using var scope = Tidy.Scope();
        var arriving = block.Spread(signal, winners);
        var coupled = block.Batch is null ? null : block.To(ScalarType.Float64).Coupled(block.Before(x).to(ScalarType.Float64));
        Kept.Replace(ref system, block.System(coupled is null ? arriving : arriving + coupled).to(x.dtype));
    }

    /// <summary>What is left of dL/dW for an input, [Equations,channels].</summary>
    public Tensor Open(Tensor x) => Tidy.Keep(() => target - Gradient(x));

    /// <summary>The change of dL/dW along a change of the input.</summary>
    public Tensor Gradient(Tensor change) => Tidy.Keep(() => system!.matmul(change.flatten(2)[0].t()));

    /// <summary>Transposed <see cref="Gradient"/>.</summary>
    public Tensor PullGradient(Tensor open) => Tidy.Keep(() => system!.t().matmul(open).t().reshape([1, .. block.Input]));

    /// <summary>The change of the features along a change of the input.</summary>
    public Tensor Push(Tensor change) => Tidy.Keep(() => block.Picked(block.Multiply(change), winners));

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor features) => Tidy.Keep(() => block.Transpose(block.Spread(features, winners)));

    public void Dispose()
    {
        winners?.Dispose();
        system?.Dispose();
    }
}
