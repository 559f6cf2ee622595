namespace Afterimage.Fidelities;

/// <summary>Sum of squared differences (Zhu, Liu and Han, 2019).</summary>
[Cites("zhu2019deep")]
public sealed record Euclidean : Fidelity
{
    /// <inheritdoc/>
    public override Misfit Against(GradientSet observed) => new Bound(observed, Weights(observed));

    private sealed class Bound(GradientSet observed, Tensor? weights) : Misfit
    {
        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            var difference = predicted.Flat - observed.Flat;
            var weighted = weights is null ? difference : difference * weights;
            return (weighted.dot(difference).ToDouble(), new(predicted.Layout, weighted * 2));
        }
    }
}
