namespace Afterimage.Attacks;

/// <summary>
/// A residual unit of which everything but the input is known: its features are what leaves its first convolution and what leaves it;
/// both are linear in the input between kinks, and so is the weight gradient of the first convolution.
/// </summary>
internal sealed class LastUnit : LastPiece
{
    private readonly ResidualUnit unit;
    private readonly Tensor inner;
    private readonly Tensor gradient;
    private readonly NearBlock first;
    private readonly NearUnit near;

    /// <param name="unit">In the precision of the search.</param>
    /// <param name="inside">What was found in it.</param>
    /// <param name="output">What leaves, [1,*Leaving].</param>
    /// <param name="enough">Whether these are so many that weight gradients would only cost time.</param>
    public LastUnit(ResidualUnit unit, UnitInside inside, Tensor output, bool enough)
        : base(Joined(unit, inside.Middle, output).to(unit.First.Weight.dtype), null, enough ? null : Telling(unit.First))
    {
        (this.unit, inner, first, near) = (unit, unit.Inner(inside.Middle.to(unit.First.Weight.dtype)), new(unit.First), new(unit));
        gradient = inside.MiddleGradient;
        if (HasGradient && unit.First.Group is null)
            Take(gradient * unit.First.Scale.to(ScalarType.Float64));
    }

    /// <summary>Whether places of what leaves the first convolution can be put beside those of what leaves the unit.</summary>
    public static bool Fits(UnitForm unit) => unit.First.Output[1] % unit.Leaving[1] == 0 && unit.First.Output[2] % unit.Leaving[2] == 0
        && unit.First.Output[1] / unit.Leaving[1] == unit.First.Output[2] / unit.Leaving[2];

    /// <summary>GroupNorm lets dL/dz depend on the input.</summary>
    public override void Settle(Tensor x)
    {
        if (unit.First.Group is null)
            return;
        using var scope = Tidy.Scope();
        Take(((RectifiedBlock)unit.First.To(ScalarType.Float64)).Near(x.to(ScalarType.Float64)).Arriving(gradient));
    }

    public override Tensor Features(Tensor x)
    {
        var middle = unit.First.Forward(x);
        return Joined(unit, middle, unit.Before(x, unit.Inner(middle)).relu());
    }

    public override Tensor Push(Tensor change) => Tidy.Keep(() => Joined(unit, first.Block.Multiply(change), near.Unit.Aside(change)));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() =>
        first.Block.Transpose(Spread(features.narrow(1, 0, features.shape[1] - unit.Leaving[0])))
        + near.Unit.Return(features.narrow(1, features.shape[1] - unit.Leaving[0], unit.Leaving[0])));

    public override void Dispose()
    {
        first.Dispose();
        near.Dispose();
        base.Dispose();
    }

    protected override Tensor Seen(Tensor x)
    {
        first.Move(x);
        near.Move(x, inner);
        return Joined(unit, unit.First.Before(x), unit.Before(x, inner));
    }

    /// <summary>
    /// As channels of one map; where a convolution behind the first strides, the places of a window are channels of their own.
    /// </summary>
    private static Tensor Joined(ResidualUnit unit, Tensor middle, Tensor output)
    {
        var (side, shape) = (Side(unit), output.shape);
        var gathered = middle.reshape(middle.shape[0], middle.shape[1], shape[2], side, shape[3], side).permute(0, 1, 3, 5, 2, 4);
        return cat([gathered.reshape(middle.shape[0], -1, shape[2], shape[3]), output], 1);
    }

    /// <summary>Undoes the first half of <see cref="Joined"/>.</summary>
    private Tensor Spread(Tensor gathered)
    {
        var (side, shape) = (Side(unit), unit.First.Output);
        return gathered.reshape(gathered.shape[0], shape[0], side, side, shape[1] / side, shape[2] / side).permute(0, 1, 4, 2, 5, 3)
            .reshape([gathered.shape[0], .. shape]);
    }

    private static long Side(ResidualUnit unit) => unit.First.Output[1] / unit.Leaving[1];
}
