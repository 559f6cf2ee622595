using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// Convolution, BatchNorm (folded into a scale and a shift of each channel), ReLU and perhaps max pooling: u = scale (W x + b) + shift,
/// and what leaves is the pooled max(u, 0).
/// </summary>
/// <param name="Form">Its structure.</param>
/// <param name="Scale">[1,C,1,1].</param>
/// <param name="Shift">[1,C,1,1].</param>
/// <param name="WeightGradient">dL/dW.</param>
/// <param name="Batch">In train mode, how the gradient passes through the batch's own statistics; null in eval mode.</param>
internal sealed record RectifiedBlock(BlockForm Form,
    Tensor Weight, Tensor? Bias, Tensor Scale, Tensor Shift, Tensor WeightGradient, NormCoupling? Batch) : RectifiedPiece
{
    /// <summary>Typical rounding of dL/dW, relative.</summary>
    public const double Rounding = 1e-7;

    /// <summary>A fit that leaves more than so many deviations of the noise has something wrong.</summary>
    private const double Doubtless = 2;

    public Conv2d Conv => Form.Conv;

    /// <summary>Standard deviation of the errors of dL/dW, relative to the root mean square of its numbers.</summary>
    public double Noise { get; init; } = Rounding;

    /// <summary>What an exact fit leaves of dL/dW at most, relative.</summary>
    /// <param name="rounding">Where there is no noise.</param>
    public double Exact(double rounding) => Math.Max(rounding, Noise > Rounding ? Doubtless * Noise : 0);

    public MaxPool2d? Pool => Form.Pool;

    /// <summary>[C,H,W] of x.</summary>
    public override long[] Input { get; init; } = Form.Input;

    /// <summary>[C,H,W] of u.</summary>
    public long[] Output { get; } = Form.Output;

    /// <summary>[C,H,W] behind the pooling.</summary>
    public override long[] Leaving { get; init; } = Form.Leaving;

    /// <summary>GroupNorm, or BatchNorm with the statistics of what passes, in front of scale and shift; null for any other.</summary>
    public GroupScaling? Group { get; init; }

    public override Tensor? ShiftGradient => Group?.ShiftGradient;

    public ConvolutionMap Map => Form.Map;

    public long Places => Form.Places;

    /// <summary>Numbers of dL/dW for each input channel.</summary>
    public long Equations => Form.Equations;

    /// <summary>Whether dL/dW determines the input once what leaves is known, by counting.</summary>
    public bool IsDetermined => Form.IsDetermined;

    /// <summary>u for x of shape [B,*Input].</summary>
    public Tensor Before(Tensor x)
    {
        var z = Map.Apply(Weight, x, Bias);
        return (Group?.At(z).Standard ?? z) * Scale + Shift;
    }

    /// <summary>The block for products near one input: GroupNorm is linear there. Itself with BatchNorm or none.</summary>
    /// <param name="x">[B,*Input].</param>
    public RectifiedBlock Near(Tensor x)
    {
        if (Group is null)
            return this;
        var point = Group.At(Map.Apply(Weight, x, Bias));
        return this with { Scale = Scale / point.Deviation, Group = Group with { Point = point } };
    }

    public override Tensor Forward(Tensor x)
    {
        var y = Before(x).relu();
        return Pool is null ? y : nn.functional.max_pool2d(y, Pool.Kernel, Pool.Stride, Pool.Padding);
    }

    /// <summary>The largest of each window, whose places replace those given; u itself where there is no pooling.</summary>
    public Tensor Pooled(Tensor u, ref Tensor? places)
    {
        if (Pool is null)
            return u;
        var (top, found) = nn.functional.max_pool2d_with_indices(u, [Pool.Kernel, Pool.Kernel], [Pool.Stride, Pool.Stride],
            [Pool.Padding, Pool.Padding]);
        Kept.Replace(ref places, found.flatten(2));
        return top;
    }

    /// <summary>From [B,*Output] what lies at some places.</summary>
    public Tensor Picked(Tensor u, Tensor? places) => places is null ? u : u.flatten(2).gather(2, places).reshape([-1, .. Leaving]);

    /// <summary>Transposed <see cref="Picked"/>.</summary>
    public Tensor Spread(Tensor y, Tensor? places) => places is null ? y
        : zeros([y.shape[0], Output[0], Output[1] * Output[2]], y.dtype).scatter_add_(2, places, y.flatten(2)).reshape([-1, .. Output]);

    /// <summary>The linear part of u; with GroupNorm that of the block <see cref="Near"/> a point.</summary>
    public Tensor Multiply(Tensor x) => Free(Map.Apply(Weight, x)) * Scale;

    /// <summary>Transposed <see cref="Multiply"/>.</summary>
    public Tensor Transpose(Tensor y) => Back(Arriving(y));

    /// <summary>dL/dz for dL/du; with GroupNorm of the block <see cref="Near"/> a point.</summary>
    public Tensor Arriving(Tensor gradient) => Free(gradient * Scale);

    /// <summary>dL/dx for dL/dz, z being what the convolution gives.</summary>
    public Tensor Back(Tensor preActivationGradient) => Map.Transpose(Weight, preActivationGradient);

    /// <summary>The part of dL/dz that passes through the batch's statistics, for u of shape [1,*Output]; null in eval mode.</summary>
    public Tensor? Coupled(Tensor u)
    {
        if (Batch is null)
            return null;
        var standard = ((u - Shift) / where(Scale == 0, 1.0, Scale) - Batch.Mean) / Batch.Deviation;
        return -(Batch.Level + Batch.Slope * standard) / Batch.Deviation;
    }

    /// <summary>K of K x = dL/dW, [Equations,Places], from dL/dz of shape [1,*Output].</summary>
    public Tensor System(Tensor preActivationGradient) => Map.System(preActivationGradient);

    /// <summary>K x, [Equations,channels].</summary>
    public Tensor Times(Tensor system, Tensor x) => Map.Times(system, x);

    /// <summary>How far an input that leaves so much of dL/dW may be off, one standard deviation, [1,*Input].</summary>
    /// <param name="found">What the equations say.</param>
    /// <param name="variance">Of plausible inputs, [1,*Input]; for places that the equations hardly see.</param>
    public Tensor Error(LayerInput found, Tensor variance) => Tidy.Keep(() =>
    {
        var system = System(found.PreActivationGradient);
        var error = Math.Max(found.Residual, Noise) * Target.square().mean().sqrt().ToDouble();
        var normal = system.t().matmul(system) / (error * error);
        normal.diagonal().add_(1 / (variance.mean([0, 1]).reshape(-1) + 1e-6 * variance.mean() + 1e-300));
        var left = Factorization.Inverse(normal, "The normal matrix of a layer's equations").diagonal().clamp_min(0).sqrt();
        return left.reshape(1, 1, Input[1], Input[2]).expand([1, .. Input]);
    });

    /// <summary>dL/dW in the order of <see cref="System"/>, [Equations,channels].</summary>
    public Tensor Target => Map.Target(WeightGradient);

    public override RectifiedPiece To(ScalarType type) =>
        this with { Weight = Weight.to(type), Bias = Bias?.to(type), Scale = Scale.to(type), Shift = Shift.to(type) };

    private Tensor Free(Tensor change) => Group?.Point is { } point ? point.Free(change) : change;

    public override (long Stride, long Offset) Locate(long stride, long offset) =>
        (stride * Conv.Stride * (Pool?.Stride ?? 1), offset + (Conv.Dilation * (Conv.Kernel - 1) / 2 - Conv.Padding) * stride);

    public override Passing Follow() => new BlockPassing(this);

    private sealed class BlockPassing(RectifiedBlock block) : Passing
    {
        private readonly NearBlock near = new(block);
        private Tensor? winners;

        public override Tensor At(Tensor x, double softness)
        {
            near.Move(x);
            return Rectify(block.Pooled(block.Before(x), ref winners), softness);
        }

        public override Tensor Push(Tensor change) => Gated(block.Picked(near.Block.Multiply(change), winners));

        public override Tensor Pull(Tensor change) => block.Back(Arriving(change));

        public override Tensor Arriving(Tensor gradient) => near.Block.Arriving(block.Spread(Gated(gradient), winners));

        public override void Dispose()
        {
            winners?.Dispose();
            near.Dispose();
            base.Dispose();
        }
    }
}

/// <summary>
/// How dL/dz passes through the statistics of z that a normalization takes from its batch or its image: dL/dz = (a - l - s z') / deviation,
/// z' being z normalized and a the scale times dL/du. Means of a and of a z' over all that shares the statistics, l and s follow from the
/// gradients of the layer's own shift and scale, which the client sends.
/// </summary>
/// <param name="Mean">Of z, [1,C,1,1].</param>
/// <param name="Deviation">Of z, [1,C,1,1].</param>
/// <param name="Level">l, [1,C,1,1].</param>
/// <param name="Slope">s, [1,C,1,1].</param>
internal sealed record NormCoupling(Tensor Mean, Tensor Deviation, Tensor Level, Tensor Slope);

/// <summary>The input of one layer, as its equations say.</summary>
/// <param name="Input">[1,*Input].</param>
/// <param name="PreActivationGradient">dL/dz, [1,*Output].</param>
/// <param name="Residual">What they leave of dL/dW, relative.</param>
internal sealed record LayerInput(Tensor Input, Tensor PreActivationGradient, double Residual);
