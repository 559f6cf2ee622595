using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>
/// The pixels themselves. Variables are the pixels as the network sees them, after normalization, as in the published
/// attacks, so that their learning rates carry over.
/// </summary>
public sealed record Pixels : SearchSpace
{
    /// <summary>Whether every step is projected back into [0,1].</summary>
    public bool Box { get; init; }

    public override Search Open(AttackContext context, Tensor start) => new PixelSearch(context, start, Box);

    private sealed class PixelSearch : Search
    {
        private readonly long[] shape;
        private readonly bool box;
        private readonly Tensor mean;
        private readonly Tensor std;
        private readonly Tensor lowest;
        private readonly Tensor highest;

        public PixelSearch(AttackContext context, Tensor start, bool box)
        {
            (shape, this.box) = (start.shape, box);
            var model = context.Model;
            mean = tensor(model.Normalization.Mean.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
            std = tensor(model.Normalization.Std.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
            lowest = ((0 - mean) / std).expand(shape).reshape(-1);
            highest = ((1 - mean) / std).expand(shape).reshape(-1);
            Start = ((start - mean) / std).reshape(-1);
        }

        public override Tensor Start { get; }

        public override Tensor Decode(Tensor variables) => variables.view(shape) * std + mean;

        public override Tensor Pullback(Tensor variables, Tensor imageGradient) => (imageGradient * std).reshape(-1);

        public override bool Project(Tensor variables)
        {
            if (!box)
                return false;
            using var _ = Tidy.Scope();
            var inside = variables.maximum(lowest).minimum(highest);
            if (inside.equal(variables).all().ToBoolean())
                return false;
            variables.copy_(inside);
            return true;
        }
    }
}
