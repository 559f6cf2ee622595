namespace Afterimage.Federation;

/// <summary>An operator times a number; it owns the operator.</summary>
internal sealed class ScaledOperator(ForwardOperator inner, double factor) : ForwardOperator
{
    public override string Name => inner.Name;

    public override Linearization At(Tensor images, Tensor targets) => new Point(inner.At(images, targets), factor);

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Point(Linearization inner, double factor) : Linearization
    {
        public override GradientSet Value { get; } = inner.Value.Scale(factor);

        public override (Tensor Images, Tensor Targets) Pullback(GradientSet v) => inner.Pullback(v.Scale(factor));

        public override GradientSet Pushforward(Tensor u) => inner.Pushforward(u).Scale(factor);
    }
}
