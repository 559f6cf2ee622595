using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A whole batch exactly, whatever its labels, from a first layer that is linear with bias and followed by ReLU. SPEAR: Dimitrov et al.,
/// "SPEAR: exact gradient inversion of batches in federated learning", NeurIPS 2024, and SPEAR++: Bakarsky et al., 2025. The rank of the
/// gradient tells the batch size; the samples' columns are the sparse vectors of its column space; the bias gradient gives their scale.
/// Images found so far tell where ReLU is off, which leads to the columns still missing.
/// </summary>
[Cites("dimitrov2024spear", "bakarsky2025spear")]
public sealed record ReluBatchInversion : Attack
{
    /// <summary>Searches begun from random directions at most.</summary>
    [Range(1, 1_000_000)]
    public int Rounds { get; init; } = 30;

    /// <summary>Random directions of one search.</summary>
    [Range(1, 1_000_000)]
    public int Starts { get; init; } = 200;

    /// <summary>Share of neurons whose zeros must agree with the images' own ReLU pattern.</summary>
    private const double Consistent = 0.985;

    /// <inheritdoc/>
    public override string Equation => "dL/dW = D X: the columns of D are the sparsest vectors of its column space, X follows";

    /// <inheritdoc/>
    public override int Budget => Rounds;

    /// <inheritdoc/>
    public override Attack? WithRestarts(int restarts) => this with { Rounds = restarts };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => LayerChain.Obstacle(context)
        ?? (HasReluBehindFirst(context.Model.Network!.Layers) ? null
            : "The search needs a first layer that is linear with a bias and followed by ReLU: use gradient matching.");

    /// <inheritdoc/>
    protected override bool InDouble => true;

    // Weight and bias gradients are scaled alike, by a bound of the norm as by the clipping of every example.
    /// <inheritdoc/>
    protected override ChannelEffects Reads => base.Reads | ChannelEffects.Scaled;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var chain = LayerChain.Of(run.Context);
        var first = chain.Stages.First(stage => stage.Layer is not Flatten);
        var batch = run.Context.Observation.BatchSize;
        if (GradientFactors.Of(first, run.Sent) is not { } factors)
            throw new AfterimageException("The first layer's gradient is zero or has full rank, so its samples cannot be told apart: " +
                $"a batch of {batch} needs more neurons than that and an update without noise; use gradient matching.");
        if (factors.Rank > batch)
            throw new AfterimageException($"The first layer's gradient has rank {factors.Rank}, but the batch has {batch} images: " +
                "it is not one gradient of one batch (several local steps, noise, or another batch size); use gradient matching.");
        return Separate(run, chain, first, factors);
    }

    private static bool HasReluBehindFirst(IEnumerable<Layer> layers) =>
        layers.SkipWhile(layer => layer is Flatten or Dropout).Where(layer => layer is not Dropout).Take(2).ToArray()
            is [Linear { Bias: true }, Activation { Kind: ActivationKind.ReLU }];

    private SearchResult Separate(AttackRun run, LayerChain chain, Stage first, GradientFactors factors)
    {
        var basis = new SparseBasis(factors);
        var (best, rounds) = (Candidate.Of(first, factors, basis.Mixing()), 0);
        for (; rounds < Rounds && best.Agreement < Consistent && !run.Stop.IsCancellationRequested; rounds++)
        {
            if (factors.Rank is > 1 and <= 8 && rounds == 0)
                basis.Sample(32 << factors.Rank, run.Context.Random.Derive("sample"));
            basis.Learn(Starts, run.Context.Random.Derive("learn", rounds));
            for (var zeros = -1L; zeros < basis.Zeros && !run.Stop.IsCancellationRequested;)
            {
                zeros = basis.Zeros;
                var candidate = Candidate.Of(first, factors, basis.Mixing());
                if (candidate.Agreement > best.Agreement)
                    best = candidate;
                basis.Follow(candidate.Before);
            }
            var shown = best;
            run.See(new(0, rounds, 1 - best.Agreement, rounds + 1, () => chain.Images(shown.Inputs).to(ScalarType.Float32)));
        }
        best = best.Refined(first, factors);
        var (batch, rank) = (run.Context.Observation.BatchSize, factors.Rank);
        var inputs = chain.Shaped(best.Inputs);
        if (rank < batch)
            inputs = cat([inputs, chain.Gray(batch - rank)]);
        var consistent = best.Consistent(Consistent);
        run.Note(new BatchRank(rank, batch));
        run.Note(new ReluPattern(consistent, rank, best.Agreement));
        return new()
        {
            Images = chain.Images(inputs),
            Labels = HeadLabels.Of(chain, inputs),
            Doubt = consistent == batch ? null : $"The zeros of {consistent} of {batch} images agree with their own ReLU pattern, so the " +
                "others are mixtures: allow more rounds, or use gradient matching; the batch may be too large for this layer.",
            Iterations = rounds,
            Evaluations = 1,
        };
    }

    /// <summary>Images that a choice of columns stands for, and how well these columns vanish where the images switch ReLU off.</summary>
    private sealed record Candidate(Tensor Inputs, Tensor Before, double[] Agreements)
    {
        private Tensor Off => Before.lt(0);

        public double Agreement => Agreements.Min();

        public int Consistent(double share) => Agreements.Count(agreement => agreement >= share);

        public static Candidate Of(Stage first, GradientFactors factors, Tensor mixing)
        {
            var rows = Factorization.Solve(mixing, factors.Right, "The mixture of the samples' columns");
            return Judge(rows, factors.Left.matmul(mixing), first, factors);
        }

        /// <summary>Each column once more, as the one that is closest to zero where its image switches ReLU off.</summary>
        public Candidate Refined(Stage first, GradientFactors factors)
        {
            var columns = Enumerable.Range(0, factors.Rank)
                .Select(k => factors.Left[Off[TensorIndex.Colon, k]])
                .Select(zero => zero.shape[0] < factors.Rank ? null
                    : Factorization.Svd(zero, "The gradient where ReLU is off").Vh[-1]).ToList();
            if (columns.Any(column => column is null))
                return this;
            var refined = Of(first, factors, stack(columns!).t());
            return refined.Agreement >= Agreement ? refined : this;
        }

        private static Candidate Judge(Tensor rows, Tensor columns, Stage first, GradientFactors factors)
        {
            var n = first.Unknowns;
            var inputs = rows.narrow(1, 0, n) / rows.narrow(1, n, 1);
            var before = first.Forward(inputs).index_select(1, factors.Neurons).t();
            var size = columns.abs();
            var zero = size.lt(1e-5 * size.amax([0], keepdim: true));
            return new(inputs, before, zero.eq(before.lt(0)).to(ScalarType.Float64).mean([0]).data<double>().ToArray());
        }
    }
}
