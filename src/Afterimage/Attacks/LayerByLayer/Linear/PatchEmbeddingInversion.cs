using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// One image out of a vision transformer in closed form. The gradient of a learned positional embedding is dL/dz of every token, and that
/// of the patch embedding is the sum over patches of dL/dz times the patch: a linear equation for the image (APRIL; Lu et al., CVPR
/// 2022). Found by the shapes of the parameters alone, so that any transformer serves; the gradient of the embedding's bias, or the
/// misfit, proves it.
/// </summary>
[Cites("lu2022april")]
public sealed record PatchEmbeddingInversion : Attack
{
    /// <summary>Rounding of one number of the patch embedding's gradient, relative to their root mean square, at least.</summary>
    private const double Rounding = 3e-8;

    /// <summary>The gradient of a bias must be the sum of its tokens' up to this, relative.</summary>
    private const double Agreement = 1e-3;

    /// <summary>How labels are recovered; the image does not depend on them.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <inheritdoc/>
    public override string Equation => "dL/dE = sum over patches p of dL/dz_p x_p', with dL/dz_p the gradient of the positional embedding";

    /// <inheritdoc/>
    public override LabelRule? Rule => Labels;

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Labels = rule };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) =>
        context.Observation.BatchSize != 1
            ? $"The positional embedding's gradient is a sum over the {context.Observation.BatchSize} images of the batch: " +
                "use gradient matching."
        : context.Observation.Training is not FedSgd ? "The closed form reads a single gradient: use gradient matching."
        : PatchEmbedding.Of(context.Model) is null
            ? "The model has no patch embedding with a learned positional embedding: use \"best\"."
        : null;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (model, update) = (run.Context.Model, run.Context.Observation.Update);
        var embedding = PatchEmbedding.Of(model)!;
        Tensor Gradient(int place) => update[place].to(ScalarType.Float64).cpu();
        var weights = Gradient(embedding.Weight).flatten(1);
        var tokens = Gradient(embedding.Positions).reshape(embedding.Tokens, -1);
        var bias = embedding.Bias is { } place ? Gradient(place) : null;
        // Class tokens stand in front of the patches as a rule; the bias, which all patches share, tells.
        var arriving = Enumerable.Range(0, (int)(embedding.Tokens - embedding.Patches) + 1).Reverse()
            .Select(from => tokens.narrow(0, from, embedding.Patches))
            .FirstOrDefault(rows => bias is null || ((rows.sum([0]) - bias).norm() <= Agreement * bias.norm()).ToBoolean())
            ?? throw new AfterimageException("The gradient of the patch embedding's bias is not the sum of the tokens' gradients, so the " +
                "positional embedding is not added to the patches: use gradient matching.");
        if (arriving.norm().ToDouble() == 0)
            throw new AfterimageException("No gradient reaches the tokens, perhaps because the head's weights are zero: " +
                "nothing but labels leaks.");
        var gray = embedding.Split(model.Normalize(full(run.Context.ImagesShape, 0.5, ScalarType.Float64)));
        var (u, strengths, v) = Factorization.Svd(arriving, "The gradient of the positional embedding");
        var noise = Math.Max(Rounding, run.Context.Observation.Floor) * weights.square().mean().sqrt().ToDouble();
        // Where the equations hardly see a patch, pixels vary around gray as those of photographs do.
        var variance = Photographs.PixelVariance / model.Normalization.Std.Average(deviation => deviation * deviation);
        var kept = strengths / (strengths.square() + noise * noise / variance);
        var open = weights.t() - gray.t().matmul(arriving);
        var patches = gray + u.matmul(kept.unsqueeze(1) * v.matmul(open.t()));
        run.Note(new LayerSolved(model.Layout.Entries[embedding.Weight].Name, model.Input.Count,
            ((arriving.t().matmul(patches) - weights).norm() / weights.norm()).ToDouble())
        {
            Rank = (strengths.square() > noise * noise / variance).sum().ToInt64() * patches.shape[1],
            Condition = (strengths[0] / strengths[-1]).ToDouble(),
            Error = (noise * kept).square().mean().sqrt().ToDouble(),
        });
        var images = model.Denormalize(embedding.Join(patches)).clamp(0, 1);
        return new() { Images = images, Labels = run.Labels, IsProven = bias is not null, Iterations = 1, Evaluations = 1 };
    }
}
