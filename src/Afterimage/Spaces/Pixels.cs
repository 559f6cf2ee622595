using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Spaces;

/// <summary>
/// The pixels themselves. Variables are the pixels as the network sees them, after normalization, as in the published
/// attacks, so that their learning rates carry over.
/// </summary>
public sealed record Pixels : SearchSpace
{
    /// <summary>Whether every step is projected back into [0,1].</summary>
    public bool Box { get; init; }

    /// <inheritdoc/>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        new PixelSearch(context.Model, start, Box);

    private sealed class PixelSearch(VictimModel model, Tensor start, bool box) : Search
    {
        private readonly long[] shape = start.shape;
        private readonly Tensor lowest = model.Normalize(zeros_like(start)).reshape(-1);
        private readonly Tensor highest = model.Normalize(ones_like(start)).reshape(-1);

        public override Tensor Start { get; } = model.Normalize(start).reshape(-1);

        public override Tensor Decode(Tensor variables) => model.Denormalize(variables.view(shape));

        public override Tensor Pullback(Tensor variables, Tensor imageGradient) => model.DenormalizeChange(imageGradient).reshape(-1);

        public override bool Project(Tensor variables) => box && Bounds.Clamp(variables, lowest, highest);
    }
}
