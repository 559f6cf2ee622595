using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Models;

namespace Afterimage.Spaces;

/// <summary>
/// Cosine coefficients divided by how large they are in photographs, whose power falls with the square of the frequency (Field, 1987)
/// and lies mostly in brightness (Ruderman, 1997). The images are those of <see cref="Pixels"/>; a step of equal size in every
/// variable is a natural one, coarse before fine and gray before colored.
/// </summary>
[Cites("field1987relations", "ruderman1997origins")]
public sealed record Spectral : SearchSpace
{
    /// <summary>The power of the amplitude's fall with frequency; 0 leaves all frequencies alike.</summary>
    [Range(-100, 100)]
    public double Fall { get; init; } = 1;

    /// <summary>Whether the color channels are decorrelated into brightness and two opponents; images of three channels only.</summary>
    public bool Decorrelate { get; init; } = true;

    /// <summary>Whether every step is projected back into [0,1].</summary>
    public bool Box { get; init; }

    /// <inheritdoc/>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        new CoefficientSearch(context.Model, start, this);

    private sealed class CoefficientSearch : Search
    {
        private const double Tolerance = 1e-5;

        private readonly VictimModel model;
        private readonly bool box;
        private readonly long[] shape;
        private readonly CosineTransform cosines;
        private readonly Tensor amplitudes;
        private readonly Tensor? colors;

        public CoefficientSearch(VictimModel model, Tensor start, Spectral options)
        {
            (this.model, box, shape) = (model, options.Box, start.shape);
            cosines = new(shape[2], shape[3], start.dtype, start.device);
            var scale = Amplitudes(shape[2], shape[3], options.Fall).unsqueeze(0);
            if (options.Decorrelate && shape[1] == 3)
            {
                scale = scale * (tensor(Photographs.Shares) * 3).sqrt().view(3, 1, 1);
                colors = Opponents().to(start.dtype, start.device);
            }
            amplitudes = scale.to(start.dtype, start.device);
            Start = Encode(start);
        }

        public override Tensor Start { get; }

        public override Tensor Decode(Tensor variables)
        {
            var spectrum = Mix(variables.view(shape) * amplitudes, colors);
            return model.Denormalize(cosines.Inverse(spectrum));
        }

        public override Tensor Pullback(Tensor variables, Tensor imageGradient) =>
            (Mix(cosines.Forward(model.DenormalizeChange(imageGradient)), colors?.t()) * amplitudes).reshape(-1);

        private Tensor Encode(Tensor images) =>
            (Mix(cosines.Forward(model.Normalize(images)), colors?.t()) / amplitudes).reshape(-1);

        public override bool Project(Tensor variables)
        {
            if (!box)
                return false;
            using var _ = Tidy.Scope();
            var images = Decode(variables);
            var inside = images.clamp(0, 1);
            if ((images - inside).abs().max().ToDouble() < Tolerance)
                return false;
            variables.copy_(Encode(inside));
            return true;
        }

        private Tensor Mix(Tensor spectrum, Tensor? matrix) =>
            matrix is null ? spectrum : matrix.matmul(spectrum.flatten(2)).view(shape);

        /// <summary>[H,W], mean square one: a variable of variance one makes pixels of variance one.</summary>
        private static Tensor Amplitudes(long height, long width, double fall)
        {
            var amplitudes = CosineTransform.SquaredFrequencies(height, width).pow(-fall / 2);
            return amplitudes / amplitudes.square().mean().sqrt();
        }

        /// <summary>Orthonormal columns: brightness and the opponents.</summary>
        private static Tensor Opponents()
        {
            var rows = stack([.. Photographs.Opponents.Select(row => tensor(row))]);
            return (rows * rows.square().sum([1], keepdim: true).reciprocal().sqrt()).t().contiguous();
        }
    }
}
