using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// Two convolutions with their normalizations, or more as in a bottleneck, beside a shortcut: max(second(first(x)) + shortcut(x), 0).
/// </summary>
/// <param name="First">Takes in what the unit takes in.</param>
/// <param name="Second">The last; its ReLU stands behind the sum.</param>
/// <param name="Padding">A shortcut without parameters that leaves out places and adds channels.</param>
/// <param name="Projection">A shortcut with a convolution. Without both it is the identity.</param>
internal sealed record ResidualUnit(
    RectifiedBlock First, RectifiedBlock Second, PaddedShortcut? Padding, RectifiedBlock? Projection) : RectifiedPiece
{
    /// <summary>Convolutions between the first and the last.</summary>
    public IReadOnlyList<RectifiedBlock> Between { get; init; } = [];

    /// <summary>All convolutions of the body, in order.</summary>
    public IReadOnlyList<RectifiedBlock> Body => [First, .. Between, Second];

    public override long[] Input { get; init; } = First.Input;

    public override long[] Leaving { get; init; } = Second.Output;

    public override Tensor? ShiftGradient => Second.ShiftGradient;

    public UnitForm Form => new(First.Form, Second.Form, Padding, Projection?.Form) { Between = [.. Between.Select(block => block.Form)] };

    public override Tensor Forward(Tensor x) => Before(x).relu();

    /// <summary>In front of the last ReLU.</summary>
    public Tensor Before(Tensor x) => Before(x, Inner(First.Forward(x)));

    /// <summary>What the last convolution takes in.</summary>
    /// <param name="middle">What leaves the first.</param>
    public Tensor Inner(Tensor middle) => Between.Aggregate(middle, (x, block) => block.Forward(x));

    /// <summary>In front of the last ReLU.</summary>
    /// <param name="x">[B,*Input].</param>
    /// <param name="inner">What the last convolution takes in.</param>
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

    /// <summary>The unit for products near one point, where GroupNorm is linear; itself with BatchNorm or none.</summary>
    /// <param name="x">[B,*Input].</param>
    /// <param name="inner">What the last convolution takes in there.</param>
    public ResidualUnit Near(Tensor x, Tensor inner) => this with { Second = Second.Near(inner), Projection = Projection?.Near(x) };

    /// <summary>dL/dx, given dL/dz of the first convolution and dL/d sum.</summary>
    public Tensor Back(Tensor firstGradient, Tensor sumGradient) => First.Back(firstGradient) + Return(sumGradient);

    public override RectifiedPiece To(ScalarType type) => this with
    {
        First = (RectifiedBlock)First.To(type),
        Between = [.. Between.Select(block => (RectifiedBlock)block.To(type))],
        Second = (RectifiedBlock)Second.To(type),
        Projection = (RectifiedBlock?)Projection?.To(type),
    };

    public override (long Stride, long Offset) Locate(long stride, long offset) =>
        Body.Aggregate((Stride: stride, Offset: offset), (place, block) => block.Locate(place.Stride, place.Offset));

    public override Passing Follow() => new UnitPassing(this);

    private TensorIndex Every => TensorIndex.Slice(null, null, Padding!.Stride);

    private sealed class UnitPassing(ResidualUnit unit) : Passing
    {
        private readonly Passing[] inside = [unit.First.Follow(), .. unit.Between.Select(block => block.Follow())];
        private readonly NearUnit near = new(unit);

        public override Tensor At(Tensor x, double softness)
        {
            var inner = inside.Aggregate(x, (value, part) => part.At(value, softness));
            near.Move(x, inner);
            return Rectify(unit.Before(x, inner), softness);
        }

        public override Tensor Push(Tensor change) => Gated(
            near.Unit.Second.Multiply(inside.Aggregate(change, (value, part) => part.Push(value))) + near.Unit.Aside(change));

        public override Tensor Pull(Tensor change)
        {
            var sum = Gated(change);
            return inside.Reverse().Aggregate(near.Unit.Second.Transpose(sum), (value, part) => part.Pull(value)) + near.Unit.Return(sum);
        }

        public override void Dispose()
        {
            foreach (var part in inside)
                part.Dispose();
            near.Dispose();
            base.Dispose();
        }
    }
}
