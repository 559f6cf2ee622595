namespace Afterimage.Attacks.Rectified;

/// <summary>
/// A residual unit of which everything but the input is known: its features are what its second convolution takes in and what leaves;
/// both are linear in the input between kinks, and so is the weight gradient of the first convolution.
/// </summary>
/// <param name="unit">In the precision of the search.</param>
/// <param name="inside">What was found in it.</param>
/// <param name="output">What leaves, [1,*Leaving].</param>
internal sealed class LastUnit(ResidualUnit unit, UnitInside inside, Tensor output)
    : LastPiece(cat([inside.Inner, output], 1).to(unit.First.Weight.dtype))
{
    private readonly Tensor inner = inside.Inner.to(unit.First.Weight.dtype);

    // Gradients of certain networks are too small for single precision to square.
    private readonly Tensor system = Scaled(unit.First, unit.First.System(inside.Signal));
    private readonly Tensor target = Scaled(unit.First, unit.First.Target);

    public override bool HasSystem { get; } = unit.First.WeightGradient.norm().ToDouble() > 0;

    public override long Channels => unit.First.Conv.Output;

    public override Tensor Features(Tensor x)
    {
        var middle = unit.First.Forward(x);
        return cat([middle, unit.Before(x, middle).relu()], 1);
    }

    public override void Settle(Tensor x)
    {
    }

    public override Tensor Open(Tensor x) => Tidy.Keep(() => target - Gradient(x));

    public override Tensor Gradient(Tensor change) => Tidy.Keep(() => system.matmul(change.flatten(2)[0].t()));

    public override Tensor PullGradient(Tensor open) => Tidy.Keep(() => system.t().matmul(open).t().reshape([1, .. unit.Input]));

    public override Tensor Push(Tensor change) => Tidy.Keep(() => cat([unit.First.Multiply(change), unit.Aside(change)], 1));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() => unit.First.Transpose(features.narrow(1, 0, unit.First.Output[0]))
        + unit.Return(features.narrow(1, unit.First.Output[0], unit.Leaving[0])));

    public override void Dispose()
    {
    }

    protected override Tensor Seen(Tensor x) => cat([unit.First.Before(x), unit.Before(x, inner)], 1);

    private static Tensor Scaled(RectifiedBlock first, Tensor gradient) =>
        (gradient / Math.Max(first.Target.square().mean().sqrt().ToDouble(), double.Epsilon)).to(first.Weight.dtype);
}
