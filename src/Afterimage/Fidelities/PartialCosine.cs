namespace Afterimage.Fidelities;

/// <summary>
/// One minus the cosine over a subset of the parameters that is chosen anew every few steps, so that the search is not dominated
/// by a few large entries of the update (the partial matching of Fan et al., 2025).
/// </summary>
[Cites("fan2025boosting")]
public sealed record PartialCosine : Fidelity
{
    /// <summary>The share of every parameter tensor's numbers that is chosen, in (0,1].</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Share { get; init; } = 0.5;

    /// <summary>How numbers are chosen.</summary>
    public PartialChoice Choice { get; init; } = PartialChoice.Random;

    /// <summary>Steps between two choices.</summary>
    [Range(1, 100_000_000)]
    public int Every { get; init; } = 10;

    private protected override Misfit Bind(GradientSet observed, Tensor? weights) =>
        new Bound(this, observed, weights);

    private sealed class Bound(PartialCosine options, GradientSet observed, Tensor? weights) : Misfit
    {
        private readonly Tensor mask = zeros_like(observed.Flat);
        private int drawn = -1;
        private bool chosen;

        public override void Begin(int step)
        {
            if (step / options.Every == drawn)
                return;
            (drawn, chosen) = (step / options.Every, false);
        }

        public override (double Value, GradientSet Gradient) Evaluate(GradientSet predicted)
        {
            if (!chosen)
                Choose(predicted);
            chosen = true;
            var (target, own) = (observed.Flat * mask, predicted.Flat * mask);
            var norm = Math.Max(Math.Sqrt(target.dot(observed.Flat).ToDouble()), Cosine.Shortest);
            var length = Math.Max(Math.Sqrt(own.dot(predicted.Flat).ToDouble()), Cosine.Shortest);
            var cosine = target.dot(predicted.Flat).ToDouble() / (length * norm);
            return (1 - cosine, new(predicted.Layout, (own * (cosine / length)).add_(target, alpha: -1 / norm).mul_(1 / length)));
        }

        private void Choose(GradientSet predicted)
        {
            using var scope = Tidy.Scope();
            mask.zero_();
            using var generator = new RandomSource(0).Derive("partial", drawn).Generator(mask.device);
            var scores = options.Choice == PartialChoice.Random
                ? rand(mask.shape, ScalarType.Float32, mask.device, generator: generator)
                : (predicted.Flat / predicted.Norm() - observed.Flat / observed.Norm()).abs();
            foreach (var entry in observed.Layout.Entries)
            {
                var count = (long)Math.Ceiling(options.Share * entry.Count);
                var part = mask.narrow(0, entry.Offset, entry.Count);
                part.index_fill_(0, scores.narrow(0, entry.Offset, entry.Count).topk((int)count).indexes, 1);
            }
            if (weights is not null)
                mask.mul_(weights);
        }
    }
}

/// <summary>Which numbers of the update are compared.</summary>
public enum PartialChoice
{
    /// <summary>Random ones.</summary>
    Random,

    /// <summary>Those in which prediction and observation, both scaled to norm 1, differ most.</summary>
    Adaptive,
}
