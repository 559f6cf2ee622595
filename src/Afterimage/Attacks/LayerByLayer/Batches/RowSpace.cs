namespace Afterimage.Attacks;

/// <summary>The row space of dL/dW, which is the span of the patches of all inputs of a batch.</summary>
/// <param name="Basis">Orthonormal, [dimension, C * kernel * kernel].</param>
/// <param name="Strengths">All singular values, of rows that rounding changes alike, in units of what noise makes of them at most.</param>
/// <param name="Rank">Singular values above the noise.</param>
internal sealed record RowSpace(Tensor Basis, double[] Strengths, int Rank)
{
    /// <summary>How far above the expected noise a singular value must be.</summary>
    private const double Margin = 3;

    /// <summary>Never fewer directions than the batch has: those that are noise cost little, one that is missing costs everything.</summary>
    public static RowSpace Of(BatchLayer layer, long batch)
    {
        var rows = layer.Rows * layer.RowWeights();
        var (_, strengths, directions) = Factorization.Svd(rows, $"The weight gradient of {layer.Conv.Name}");
        var (outputs, numbers) = (rows.shape[0], rows.shape[1]);
        var noise = Math.Min(layer.Noise, BatchLayer.Rounding) / Math.Sqrt(numbers);
        var values = (strengths / (Margin * noise * (Math.Sqrt(outputs) + Math.Sqrt(numbers)))).data<double>().ToArray();
        var rank = values.Count(value => value > 1);
        var dimension = Math.Min(values.Length, Math.Max(rank, layer.Directions(batch)));
        return new(directions.narrow(0, 0, dimension), values, rank);
    }
}
