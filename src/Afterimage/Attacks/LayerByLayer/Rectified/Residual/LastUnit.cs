namespace Afterimage.Attacks;

/// <summary>
/// A residual unit of which everything but the input is known: its features are what its second convolution takes in and what leaves;
/// both are linear in the input between kinks, and so is the weight gradient of the first convolution.
/// </summary>
internal sealed class LastUnit : LastPiece
{
    private readonly ResidualUnit unit;
    private readonly Tensor inner;

    /// <param name="unit">In the precision of the search.</param>
    /// <param name="inside">What was found in it.</param>
    /// <param name="output">What leaves, [1,*Leaving].</param>
    /// <param name="enough">Whether these are so many that weight gradients would only cost time.</param>
    public LastUnit(ResidualUnit unit, UnitInside inside, Tensor output, bool enough)
        : base(cat([inside.Inner, output], 1).to(unit.First.Weight.dtype), null, enough ? null : Telling(unit.First))
    {
        (this.unit, inner) = (unit, inside.Inner.to(unit.First.Weight.dtype));
        if (HasGradient)
            Take(inside.PreActivationGradient);
    }

    public override Tensor Features(Tensor x)
    {
        var middle = unit.First.Forward(x);
        return cat([middle, unit.Before(x, middle).relu()], 1);
    }

    public override Tensor Push(Tensor change) => Tidy.Keep(() => cat([unit.First.Multiply(change), unit.Aside(change)], 1));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() => unit.First.Transpose(features.narrow(1, 0, unit.First.Output[0]))
        + unit.Return(features.narrow(1, unit.First.Output[0], unit.Leaving[0])));

    protected override Tensor Seen(Tensor x) => cat([unit.First.Before(x), unit.Before(x, inner)], 1);
}
