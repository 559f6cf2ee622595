using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Spaces;

/// <summary>
/// Images of fewer pixels, enlarged by linear interpolation (Yue et al., 2023, who enlarge by cubic interpolation): fewer unknowns, and
/// no fine noise. Variables are the small pixels as the network sees them.
/// </summary>
[Cites("yue2023gradient")]
public sealed record LowResolution : SearchSpace
{
    /// <summary>Pixels of the image along one side of a small pixel.</summary>
    [Range(1, 4096)]
    public int Factor { get; init; } = 4;

    /// <summary>Whether every step is projected back into [0,1].</summary>
    public bool Box { get; init; }

    /// <inheritdoc/>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        new CoarseSearch(context.Model, start, Factor, Box);

    private sealed class CoarseSearch : Search
    {
        private readonly VictimModel model;
        private readonly bool box;
        private readonly long[] shape;
        private readonly Tensor rows;
        private readonly Tensor columns;
        private readonly Tensor lowest;
        private readonly Tensor highest;

        public CoarseSearch(VictimModel model, Tensor start, int factor, bool box)
        {
            (this.model, this.box) = (model, box);
            rows = Interpolation(start.shape[2], factor).to(start.dtype, start.device);
            columns = Interpolation(start.shape[3], factor).to(start.dtype, start.device);
            shape = [start.shape[0], start.shape[1], rows.shape[1], columns.shape[1]];
            Start = Averages(rows).matmul(model.Normalize(start)).matmul(Averages(columns).t()).reshape(-1);
            var black = zeros(shape, start.dtype, start.device);
            (lowest, highest) = (model.Normalize(black).reshape(-1), model.Normalize(black + 1).reshape(-1));
        }

        public override Tensor Start { get; }

        public override Tensor Decode(Tensor variables) => model.Denormalize(rows.matmul(variables.view(shape)).matmul(columns.t()));

        public override Tensor Pullback(Tensor variables, Tensor imageGradient) =>
            rows.t().matmul(model.DenormalizeChange(imageGradient)).matmul(columns).reshape(-1);

        // Interpolated pixels are averages of small ones, so that a box around these is one around those.
        public override bool Project(Tensor variables) => box && Bounds.Clamp(variables, lowest, highest);

        private static Tensor Averages(Tensor interpolation) => interpolation.t() / interpolation.sum([0]).unsqueeze(1);

        /// <summary>[size, small]: the weights of small pixels in each pixel, by the distance of their centers.</summary>
        private static Tensor Interpolation(long size, int factor)
        {
            var small = (size + factor - 1) / factor;
            var weights = new double[size, small];
            for (var i = 0L; i < size; i++)
            {
                var place = Math.Clamp((i + 0.5) * small / size - 0.5, 0, small - 1);
                var left = Math.Min((long)place, Math.Max(0, small - 2));
                weights[i, left] += 1 - (place - left);
                if (left + 1 < small)
                    weights[i, left + 1] += place - left;
            }
            return tensor(weights);
        }
    }
}
