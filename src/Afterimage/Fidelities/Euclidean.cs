namespace Afterimage.Fidelities;

/// <summary>Sum of squared differences (Zhu, Liu and Han, 2019).</summary>
[Cites("zhu2019deep")]
public sealed record Euclidean : Fidelity
{
    private protected override Misfit Bind(GradientSet observed, Tensor? weights) => new Bound(observed, weights);

    private sealed class Bound(GradientSet observed, Tensor? weights) : Misfit
    {
        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            var difference = predicted.Flat - observed.Flat;
            var weighted = weights is null ? difference : difference * weights;
            var value = weighted.dot(difference).ToDouble();
            return (value, new(predicted.Layout, weighted.mul_(2)));
        }
    }
}
