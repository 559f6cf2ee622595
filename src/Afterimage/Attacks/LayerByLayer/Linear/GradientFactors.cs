namespace Afterimage.Attacks;

/// <summary>
/// The gradient of a linear layer with bias as a product of few factors: [dL/dW | dL/db] = D [X | 1], one column of D and one row of X
/// for each sample. Its singular vectors span the same spaces: D = Left P and [X | 1] = P^-1 Right for some invertible P. Rows are
/// scaled to length one first, so that rounding is alike everywhere; rows without gradient are left out.
/// </summary>
internal sealed class GradientFactors
{
    private GradientFactors(Tensor neurons, Tensor left, Tensor singular, Tensor right, double noise)
    {
        (Neurons, Noise) = (neurons, noise);
        (Left, Singular, Right) = (left * singular, singular, right);
    }

    /// <summary>The neuron behind each row.</summary>
    public Tensor Neurons { get; }

    /// <summary>[neurons, rank].</summary>
    public Tensor Left { get; }

    public Tensor Singular { get; }

    /// <summary>[rank, inputs + 1].</summary>
    public Tensor Right { get; }

    /// <summary>Root mean square of what no factor explains, in one number of <see cref="Left"/>.</summary>
    public double Noise { get; }

    public int Rank => (int)Left.shape[1];

    /// <param name="stage">A linear layer with bias.</param>
    /// <param name="sent">The precision in which the client sent it: less than its rounding is never taken for signal.</param>
    /// <returns>Null when the gradient is zero or has full rank, so that nothing separates signal from noise.</returns>
    public static GradientFactors? Of(Stage stage, ScalarType sent)
    {
        var rows = cat([stage.WeightGradient!, stage.BiasGradient!.unsqueeze(1)], 1);
        var norms = rows.norm(1);
        var alive = Alive(rows);
        if (alive.shape[0] == 0)
            return null;
        var matrix = rows.index_select(0, alive) / norms.index_select(0, alive).unsqueeze(1);
        var (u, s, vh) = Factorization.Svd(matrix, "The gradient of the first layer");
        var rounding = sent == ScalarType.Float64 ? 1e-16 : 1.0 / (1 << 24);
        var (rank, noise) = Split(s.data<double>().ToArray(), matrix.shape[0], matrix.shape[1], rounding);
        if (rank == 0)
            return null;
        return new(alive, u.narrow(1, 0, rank), s.narrow(0, 0, rank), vh.narrow(0, 0, rank), noise);
    }

    /// <summary>
    /// Rows with gradient. Those of units that no image switches on carry no noise either, and would make that of the others look like
    /// signal.
    /// </summary>
    public static Tensor Alive(Tensor rows)
    {
        var norms = rows.norm(1);
        return norms.gt(norms.max() * 1e-10).nonzero().view(-1);
    }

    /// <summary>
    /// The last singular value that stands out of the noise which the later ones show, and the root mean square of that noise in one
    /// number.
    /// </summary>
    /// <param name="singular">In descending order.</param>
    /// <param name="rows">Of the matrix.</param>
    /// <param name="columns">Of the matrix.</param>
    /// <param name="rounding">The relative error of a row below which nothing is taken for signal.</param>
    public static (int Rank, double Noise) Split(double[] singular, long rows, long columns, double rounding)
    {
        var edge = Math.Sqrt(rows) + Math.Sqrt(columns);
        var floor = 0.3 * rounding / Math.Sqrt(columns);
        var rest = 0.0;
        for (var rank = singular.Length - 1; rank > 0; rank--)
        {
            rest += singular[rank] * singular[rank];
            var noise = Math.Max(floor, Math.Sqrt(rest / ((double)(rows - rank) * (columns - rank))));
            if (singular[rank - 1] > 3 * edge * noise)
                return (rank, noise);
        }
        return (0, 0);
    }
}
