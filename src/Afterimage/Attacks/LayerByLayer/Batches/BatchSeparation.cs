using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>
/// Afterimage's own attack on a whole batch: the weight gradient of one layer behind a ReLU is taken apart into what the layer saw of
/// every image, exactly and without labels; then every image is looked for by itself. The separation follows SPEAR (Dimitrov et al.,
/// 2024) but works at any depth, at convolutions too, and by the zeros that ReLU leaves in the inputs; the image is the most probable
/// one with these features.
/// </summary>
[Cites("dimitrov2024spear")]
public sealed record BatchSeparation : Attack
{
    /// <summary>Procedural images from which the first guesses are learned.</summary>
    [Range(4, 100_000)]
    public int Images { get; init; } = 400;

    /// <summary>Gauss-Newton steps at most, of every image.</summary>
    [Range(0, 1_000_000)]
    public int Steps { get; init; } = 150;

    /// <summary>Conjugate gradients in one step at most.</summary>
    [Range(1, 1_000_000)]
    public int Products { get; init; } = 30;

    /// <inheritdoc/>
    public override string Equation => "dL/dW = sum over n of (dL/dz)_n (x) h_n, h_n >= 0 with many zeros: h_1 ... h_B;\n" +
        "then for every n min over x: |h(x) - h_n|^2 / e^2 + |z|^2, z the image prior's";

    /// <inheritdoc/>
    public override int Budget => Steps;

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Steps = iterations };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) =>
        context.Observation.BatchSize < 2
            ? "The separation takes batches apart, and this one has a single image: use \"rectified-recursion\"."
        : context.Model.Network is null ? "The separation needs a network of known layers: use gradient matching."
        : LayerChain.Unreadable(context.Observation) ?? (ResidualBatch.Reads(context) ? null : HiddenLinearBatch.Obstacle(context));

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var batch = run.Context.Observation.BatchSize;
        // Every other way from a layer to the images of a batch has its place beside this one.
        var found = ResidualBatch.Reads(run.Context) ? new ResidualBatch(run, this).Read() : new HiddenLinearBatch(run, this).Read();
        var (images, labels) = found.Filled(batch);
        return new()
        {
            Images = images,
            Labels = labels,
            IsProven = found.Count == batch,
            Doubt = found.Count == batch ? null : $"{found.Count} of {batch} images were separated, and the others are shown gray: " +
                "use \"best\", which goes on with gradient matching.",
            Iterations = found.Steps,
            Evaluations = found.Evaluations,
        };
    }
}
