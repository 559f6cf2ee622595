namespace Afterimage.Attacks;

/// <summary>A residual unit of which only the output is known.</summary>
/// <param name="unit">In the precision of the search.</param>
/// <param name="output">What leaves, [1,*Leaving].</param>
internal sealed class KnownUnitOutput(ResidualUnit unit, Tensor output) : LastPiece(output.to(unit.First.Weight.dtype), null, null)
{
    private readonly Passing first = unit.First.Follow();

    public override Tensor Features(Tensor x) => unit.Forward(x);

    public override Tensor Push(Tensor change) => Tidy.Keep(() => unit.Second.Multiply(first.Push(change)) + unit.Aside(change));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() => first.Pull(unit.Second.Transpose(features)) + unit.Return(features));

    public override void Dispose()
    {
        first.Dispose();
        base.Dispose();
    }

    protected override Tensor Seen(Tensor x) => unit.Before(x, first.At(x));
}
