namespace Afterimage.Fidelities;

/// <summary>One minus the cosine of the angle between the whole updates (Geiping et al., 2020).</summary>
[Cites("geiping2020inverting")]
public sealed record Cosine : Fidelity
{
    /// <summary>A lower bound on norms, so that squares and quotients stay in the range of single precision.</summary>
    internal const double Shortest = 1e-18;

    private protected override Misfit Bind(GradientSet observed, Tensor? weights) => new Bound(observed, weights);

    private sealed class Bound : Misfit
    {
        private readonly Tensor? weights;
        private readonly Tensor target;
        private readonly double norm;

        public Bound(GradientSet observed, Tensor? weights)
        {
            this.weights = weights;
            target = weights is null ? observed.Flat : observed.Flat * weights;
            norm = Math.Max(Math.Sqrt(target.dot(observed.Flat).ToDouble()), Shortest);
        }

        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            var weighted = weights is null ? predicted.Flat : predicted.Flat * weights;
            // The predicted update vanishes where the network is certain of the label.
            var length = Math.Max(Math.Sqrt(weighted.dot(predicted.Flat).ToDouble()), Shortest);
            var cosine = target.dot(predicted.Flat).ToDouble() / (length * norm);
            var gradient = (weighted * (cosine / length)).add_(target, alpha: -1 / norm).mul_(1 / length);
            return (1 - cosine, new(predicted.Layout, gradient));
        }
    }
}
