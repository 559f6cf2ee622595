namespace Afterimage.Attacks;

/// <summary>
/// The last piece whose output is known: what it makes of its input, and perhaps a weight gradient that is linear in its input. Products
/// belong to the input of the last <see cref="Left"/>.
/// </summary>
/// <param name="known">Features, [1,C,H,W].</param>
/// <param name="error">Their standard deviations, [1,C,H,W]; null where they are exact.</param>
/// <param name="linear">The convolution whose weight gradient counts; null for none.</param>
internal abstract class LastPiece(Tensor known, Tensor? error, RectifiedBlock? linear) : IDisposable
{
    // Gradients of certain networks are too small for single precision to square.
    private readonly double scale = linear is null ? 1 : 1 / linear.WeightGradient.square().mean().sqrt().ToDouble();
    private Tensor? target;
    private Tensor? arriving;

    /// <summary>Features, [1,C,H,W].</summary>
    public Tensor Known { get; } = known;

    /// <summary>Their standard deviations, [1,C,H,W]; null where they are exact.</summary>
    public Tensor? Error { get; } = error;

    /// <summary>Where the known features are not zero.</summary>
    public Tensor Alive { get; } = known > (error is null ? 1e-7 * known.max() : 1e-7 * known.max() + 5 * error);

    public bool HasGradient => linear is not null;

    /// <summary>The features of any input, [B,C,H,W].</summary>
    public abstract Tensor Features(Tensor x);

    /// <summary>What is left of the features for an input; where nothing is seen of a zero feature, nothing.</summary>
    public Tensor Left(Tensor x) => Tidy.Keep(() =>
    {
        var seen = Seen(x);
        return where(Alive, Known - seen, -seen.relu());
    });

    /// <summary>Prepares the weight gradient near an input.</summary>
    public virtual void Settle(Tensor x)
    {
    }

    /// <summary>What is left of dL/dW for an input, [outputs,inputs,kernel,kernel].</summary>
    public Tensor Open(Tensor x) => Tidy.Keep(() => target! - Gradient(x));

    /// <summary>
    /// dL/d input near the input of the last <see cref="Settle"/>, times <see cref="Scale"/>; null where it is not known.
    /// </summary>
    public virtual Tensor? InputGradient() => null;

    /// <summary>Of gradients, which may be too small for single precision to square.</summary>
    public double Scale => scale;

    /// <summary>dL/dz as taken, times the scale.</summary>
    protected Tensor PreActivationGradient => arriving!;

    /// <summary>The change of dL/dW along a change of the input.</summary>
    public Tensor Gradient(Tensor change) => Tidy.Keep(() => linear!.Map.WeightGradient(change, arriving!));

    /// <summary>Transposed <see cref="Gradient"/>.</summary>
    public Tensor PullGradient(Tensor open) => Tidy.Keep(() => linear!.Map.Transpose(open, arriving!));

    /// <summary>The change of the features along a change of the input.</summary>
    public abstract Tensor Push(Tensor change);

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public abstract Tensor Pull(Tensor features);

    public virtual void Dispose()
    {
        target?.Dispose();
        arriving?.Dispose();
    }

    /// <summary>A convolution whose weight gradient says something.</summary>
    protected static RectifiedBlock? Telling(RectifiedBlock block) => block.WeightGradient.norm().ToDouble() > 0 ? block : null;

    /// <summary>Takes dL/dz, [1,*Output], in double precision, for that of the input.</summary>
    protected void Take(Tensor preActivationGradient)
    {
        using var scope = Tidy.Scope();
        if (target is null)
            Kept.Replace(ref target, (linear!.WeightGradient * scale).to(Known.dtype));
        Kept.Replace(ref arriving, (preActivationGradient * scale).to(Known.dtype));
    }

    /// <summary>The features without the last ReLU.</summary>
    protected abstract Tensor Seen(Tensor x);
}
