namespace Afterimage.Fidelities;

/// <summary>One minus the cosine of the angle between the whole updates (Geiping et al., 2020).</summary>
[Cites("geiping2020inverting")]
public sealed record Cosine : Fidelity
{
    public override Misfit Against(GradientSet observed) => new Bound(observed, Weights(observed));

    private sealed class Bound : Misfit
    {
        private readonly Tensor? weights;
        private readonly Tensor target;
        private readonly double norm;

        public Bound(GradientSet observed, Tensor? weights)
        {
            this.weights = weights;
            target = weights is null ? observed.Flat : observed.Flat * weights;
            norm = Math.Sqrt(target.dot(observed.Flat).ToDouble());
        }

        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            var weighted = weights is null ? predicted.Flat : predicted.Flat * weights;
            var length = Math.Sqrt(Math.Max(weighted.dot(predicted.Flat).ToDouble(), double.Epsilon));
            var cosine = target.dot(predicted.Flat).ToDouble() / (length * norm);
            var gradient = (weighted * (cosine / (length * length))).add_(target, alpha: -1 / (length * norm));
            return (1 - cosine, new(predicted.Layout, gradient));
        }
    }
}
