using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>Two convolutions with BatchNorm beside a shortcut: max(second(first(x)) + shortcut(x), 0).</summary>
/// <param name="First">Takes in what the unit takes in.</param>
/// <param name="Second">Its ReLU stands behind the sum.</param>
/// <param name="Padding">A shortcut without parameters that leaves out places and adds channels.</param>
/// <param name="Projection">A shortcut with a convolution. Without both it is the identity.</param>
internal sealed record ResidualUnit(
    RectifiedBlock First, RectifiedBlock Second, PaddedShortcut? Padding, RectifiedBlock? Projection) : RectifiedPiece
{
    public override long[] Input { get; init; } = First.Input;

    public override long[] Leaving { get; init; } = Second.Output;

    public UnitForm Form => new(First.Form, Second.Form, Padding, Projection?.Form);

    public override Tensor Forward(Tensor x) => Before(x, First.Forward(x)).relu();

    /// <summary>In front of the last ReLU.</summary>
    /// <param name="x">[B,*Input].</param>
    /// <param name="inner">What the second convolution takes in.</param>
    public Tensor Before(Tensor x, Tensor inner) => Second.Before(inner) + (Projection?.Before(x) ?? Aside(x));

    /// <summary>The linear part of the shortcut.</summary>
    public Tensor Aside(Tensor x)
    {
        if (Projection is not null)
            return Projection.Multiply(x);
        return Padding is null ? x
            : nn.functional.pad(x[.., .., Every, Every], [0, 0, 0, 0, Padding.ChannelsBefore, Padding.ChannelsAfter]);
    }

    /// <summary>Transposed <see cref="Aside"/>.</summary>
    public Tensor Return(Tensor y)
    {
        if (Projection is not null)
            return Projection.Transpose(y);
        if (Padding is null)
            return y;
        var x = zeros([y.shape[0], .. Input], y.dtype);
        x[.., .., Every, Every] = y.narrow(1, Padding.ChannelsBefore, Input[0]);
        return x;
    }

    /// <summary>dL/dx, given dL/dz of both convolutions and dL/d sum.</summary>
    public Tensor Back(Tensor firstGradient, Tensor sumGradient) => First.Back(firstGradient) + Return(sumGradient);

    public override RectifiedPiece To(ScalarType type) => this with
    {
        First = (RectifiedBlock)First.To(type),
        Second = (RectifiedBlock)Second.To(type),
        Projection = (RectifiedBlock?)Projection?.To(type),
    };

    public override (long Stride, long Offset) Locate(long stride, long offset)
    {
        var inside = First.Locate(stride, offset);
        return Second.Locate(inside.Stride, inside.Offset);
    }

    public override Passing Follow() => new UnitPassing(this);

    private TensorIndex Every => TensorIndex.Slice(null, null, Padding!.Stride);

    private sealed class UnitPassing(ResidualUnit unit) : Passing
    {
        private readonly Passing first = unit.First.Follow();

        public override Tensor At(Tensor x, double softness) => Rectify(unit.Before(x, first.At(x, softness)), softness);

        public override Tensor Push(Tensor change) => Gated(unit.Second.Multiply(first.Push(change)) + unit.Aside(change));

        public override Tensor Pull(Tensor change)
        {
            var sum = Gated(change);
            return first.Pull(unit.Second.Transpose(sum)) + unit.Return(sum);
        }

        public override void Dispose()
        {
            first.Dispose();
            base.Dispose();
        }
    }
}
