using Afterimage.Federation;

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
    public double Fall { get; init; } = 1;

    /// <summary>Whether the color channels are decorrelated into brightness and two opponents; images of three channels only.</summary>
    public bool Decorrelate { get; init; } = true;

    /// <summary>Whether every step is projected back into [0,1].</summary>
    public bool Box { get; init; }

    public override Search Open(AttackContext context, Tensor start, RandomSource random) => double.IsFinite(Fall)
        ? new CoefficientSearch(new(context), start, this)
        : throw new AfterimageException($"The amplitude of a spectrum falls with a finite power; it is {Fall}.");

    private sealed class CoefficientSearch : Search
    {
        private const double Tolerance = 1e-5;

        // Shares of the variance of photographs in brightness and the opponents.
        private static readonly double[] Shares = [0.925, 0.06, 0.015];

        private readonly NetworkUnits units;
        private readonly bool box;
        private readonly long[] shape;
        private readonly Tensor rows;
        private readonly Tensor columns;
        private readonly Tensor amplitudes;
        private readonly Tensor? colors;

        public CoefficientSearch(NetworkUnits units, Tensor start, Spectral options)
        {
            (this.units, box, shape) = (units, options.Box, start.shape);
            (rows, columns) = (Cosines(shape[2]).to(start.dtype, start.device), Cosines(shape[3]).to(start.dtype, start.device));
            var scale = Amplitudes(shape[2], shape[3], options.Fall).unsqueeze(0);
            if (options.Decorrelate && shape[1] == 3)
            {
                scale = scale * (tensor(Shares) * 3).sqrt().view(3, 1, 1);
                colors = Opponents().to(start.dtype, start.device);
            }
            amplitudes = scale.to(start.dtype, start.device);
            Start = Encode(start);
        }

        public override Tensor Start { get; }

        public override Tensor Decode(Tensor variables)
        {
            var spectrum = Mix(variables.view(shape) * amplitudes, colors);
            return units.ToImages(rows.t().matmul(spectrum).matmul(columns));
        }

        public override Tensor Pullback(Tensor variables, Tensor imageGradient) =>
            (Mix(rows.matmul(units.Pullback(imageGradient)).matmul(columns.t()), colors?.t()) * amplitudes).reshape(-1);

        private Tensor Encode(Tensor images) =>
            (Mix(rows.matmul(units.FromImages(images)).matmul(columns.t()), colors?.t()) / amplitudes).reshape(-1);

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
            var vertical = arange(height, ScalarType.Float64).view(-1, 1) / height;
            var horizontal = arange(width, ScalarType.Float64).view(1, -1) / width;
            var lowest = 1.0 / Math.Max(height, width);
            var amplitudes = (vertical.square() + horizontal.square() + lowest * lowest).pow(-fall / 2);
            return amplitudes / amplitudes.square().mean().sqrt();
        }

        /// <summary>The orthonormal cosine transform, [frequency, place].</summary>
        private static Tensor Cosines(long size)
        {
            var frequency = arange(size, ScalarType.Float64).view(-1, 1);
            var place = (arange(size, ScalarType.Float64).view(1, -1) + 0.5) * (Math.PI / size);
            var matrix = (frequency * place).cos() * Math.Sqrt(2.0 / size);
            matrix[0].div_(Math.Sqrt(2));
            return matrix;
        }

        /// <summary>Orthonormal columns: brightness, red against blue, green against both.</summary>
        private static Tensor Opponents()
        {
            var (third, half, sixth) = (Math.Sqrt(1 / 3.0), Math.Sqrt(1 / 2.0), Math.Sqrt(1 / 6.0));
            return tensor(new[,] { { third, half, sixth }, { third, 0, -2 * sixth }, { third, -half, sixth } });
        }
    }
}
