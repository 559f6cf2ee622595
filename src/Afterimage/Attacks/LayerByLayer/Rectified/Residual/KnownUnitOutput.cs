namespace Afterimage.Attacks;

/// <summary>A residual unit of which only the output is known.</summary>
/// <param name="unit">In the precision of the search.</param>
/// <param name="output">What leaves, [1,*Leaving].</param>
internal sealed class KnownUnitOutput(ResidualUnit unit, Tensor output) : LastPiece(output.to(unit.First.Weight.dtype), null, null)
{
    private readonly Passing[] inside = [unit.First.Follow(), .. unit.Between.Select(block => block.Follow())];
    private readonly NearUnit near = new(unit);

    public override Tensor Features(Tensor x) => unit.Forward(x);

    public override Tensor Push(Tensor change) => Tidy.Keep(() =>
        near.Unit.Second.Multiply(inside.Aggregate(change, (value, part) => part.Push(value))) + near.Unit.Aside(change));

    public override Tensor Pull(Tensor features) => Tidy.Keep(() =>
        inside.Reverse().Aggregate(near.Unit.Second.Transpose(features), (value, part) => part.Pull(value)) + near.Unit.Return(features));

    public override void Dispose()
    {
        foreach (var part in inside)
            part.Dispose();
        near.Dispose();
        base.Dispose();
    }

    protected override Tensor Seen(Tensor x)
    {
        var inner = inside.Aggregate(x, (value, part) => part.At(value));
        near.Move(x, inner);
        return unit.Before(x, inner);
    }
}
