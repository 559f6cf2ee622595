namespace Afterimage.Fidelities;

/// <summary>Sum of absolute differences: the likelihood of Laplacian noise (Balunović et al., 2022).</summary>
[Cites("balunovic2022bayesian")]
public sealed record Manhattan : Fidelity
{
    private protected override Misfit Bind(GradientSet observed, Tensor? weights) => new Bound(observed, weights?.sqrt());

    private sealed class Bound(GradientSet observed, Tensor? weights) : Misfit
    {
        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            var difference = predicted.Flat - observed.Flat;
            var signs = weights is null ? difference.sign() : difference.sign() * weights;
            return (signs.dot(difference).ToDouble(), new(predicted.Layout, signs));
        }
    }
}
