namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The last piece whose output is known: what it makes of its input, and perhaps a weight gradient that is linear in its input. Products
/// belong to the input of the last <see cref="Left"/>.
/// </summary>
internal abstract class LastPiece(Tensor known) : IDisposable
{
    /// <summary>Features, [1,C,H,W].</summary>
    public Tensor Known { get; } = known;

    /// <summary>Where the known features are not zero.</summary>
    public Tensor Alive { get; } = known > 1e-7 * known.max();

    public abstract bool HasSystem { get; }

    /// <summary>Output channels of the weight gradient.</summary>
    public abstract long Channels { get; }

    /// <summary>The features of any input, [B,C,H,W].</summary>
    public abstract Tensor Features(Tensor x);

    /// <summary>What is left of the features for an input; where nothing is seen of a zero feature, nothing.</summary>
    public Tensor Left(Tensor x) => Tidy.Keep(() =>
    {
        var seen = Seen(x);
        return where(Alive, Known - seen, -seen.relu());
    });

    /// <summary>Prepares the weight gradient near an input.</summary>
    public abstract void Settle(Tensor x);

    /// <summary>What is left of dL/dW for an input, [Equations,channels].</summary>
    public abstract Tensor Open(Tensor x);

    /// <summary>The change of dL/dW along a change of the input.</summary>
    public abstract Tensor Gradient(Tensor change);

    /// <summary>Transposed <see cref="Gradient"/>.</summary>
    public abstract Tensor PullGradient(Tensor open);

    /// <summary>The change of the features along a change of the input.</summary>
    public abstract Tensor Push(Tensor change);

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public abstract Tensor Pull(Tensor features);

    public abstract void Dispose();

    /// <summary>The features without the last ReLU.</summary>
    protected abstract Tensor Seen(Tensor x);
}
