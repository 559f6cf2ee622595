namespace Afterimage.Attacks;

/// <summary>A part of a network that is linear between kinks and ends in a ReLU.</summary>
internal abstract record RectifiedPiece
{
    /// <summary>[C,H,W] of what enters.</summary>
    public abstract long[] Input { get; init; }

    /// <summary>[C,H,W] of what leaves.</summary>
    public abstract long[] Leaving { get; init; }

    /// <summary>dL/d shift of the GroupNorm that what leaves comes from, [C]; null where there is none.</summary>
    public abstract Tensor? ShiftGradient { get; }

    /// <summary>What leaves for x of shape [B,*Input].</summary>
    public abstract Tensor Forward(Tensor x);

    /// <summary>The weights in another precision; the gradients stay as they are.</summary>
    public abstract RectifiedPiece To(ScalarType type);

    /// <summary>Remembers how one input passed.</summary>
    public abstract Passing Follow();

    /// <summary>Pixels between what neighboring inputs see, and where the first looks, carried over to what leaves.</summary>
    public abstract (long Stride, long Offset) Locate(long stride, long offset);
}

/// <summary>
/// A piece near one point, where it is linear; products belong to the input of the last <see cref="At"/>. Far from the solution a gate
/// may be soft, in products alone: open in part where its input is within a width of zero.
/// </summary>
internal abstract class Passing : IDisposable
{
    private Tensor? gate;

    /// <param name="x">[1,*Input].</param>
    /// <param name="softness">Width of the gates, relative to the root mean square of what enters them; 0 for those of the ReLU.</param>
    public abstract Tensor At(Tensor x, double softness = 0);

    /// <summary>The change of what leaves along a change of the input.</summary>
    public abstract Tensor Push(Tensor change);

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public abstract Tensor Pull(Tensor change);

    /// <summary>dL/dz of the convolution for dL/d of what leaves; only where the piece is a single one.</summary>
    public virtual Tensor Arriving(Tensor gradient) => throw new InvalidOperationException("The piece has several convolutions.");

    public virtual void Dispose() => gate?.Dispose();

    protected Tensor Rectify(Tensor u, double softness)
    {
        var width = softness * u.square().mean().sqrt().ToDouble();
        Kept.Replace(ref gate, width > 0 ? (0.5 + u / (2 * width)).clamp(0, 1) : (u > 0).to(u.dtype));
        return u.relu();
    }

    protected Tensor Gated(Tensor change) => change * gate!;
}

/// <summary>Tensors that outlive the scope that made them.</summary>
internal static class Kept
{
    public static void Replace(ref Tensor? place, Tensor value)
    {
        place?.Dispose();
        place = value.DetachFromDisposeScope();
    }
}
