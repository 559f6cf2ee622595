namespace Afterimage.Federation;

/// <summary>An operator times a number; it owns the operator.</summary>
internal sealed class ScaledOperator(ForwardOperator inner, double factor) : ForwardOperator
{
    public override string Name => inner.Name;

    public override Linearization At(Batch batch) => new Point(inner.At(batch), factor);

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Point(Linearization inner, double factor) : Linearization
    {
        public override GradientSet Value { get; } = inner.Value.Scale(factor);

        public override Batch Pullback(GradientSet v) => inner.Pullback(v.Scale(factor));

        public override GradientSet Pushforward(Tensor u) => inner.Pushforward(u).Scale(factor);
    }
}
