namespace Afterimage.Attacks;

/// <summary>The row space of dL/dW, which is the span of the patches of all inputs of a batch.</summary>
/// <param name="Basis">Orthonormal, [dimension, C * kernel * kernel].</param>
/// <param name="Strengths">All singular values, of rows that errors change alike.</param>
/// <param name="Rank">Singular values above the noise that the smallest ones show.</param>
internal sealed record RowSpace(Tensor Basis, double[] Strengths, int Rank)
{
    /// <param name="rows">dL/dW as a matrix whose errors are alike in every row.</param>
    /// <param name="layer">Its layer.</param>
    /// <param name="least">
    /// Directions that are kept in any case. Some that are noise cost little; one that is missing costs everything.
    /// </param>
    public static RowSpace Of(Tensor rows, BatchLayer layer, long least)
    {
        rows = rows.index_select(0, GradientFactors.Alive(rows));
        var (_, strengths, directions) = Factorization.Svd(rows, $"The weight gradient of {layer.Conv.Name}");
        var values = strengths.data<double>().ToArray();
        var (rank, _) = GradientFactors.Split(values, rows.shape[0], rows.shape[1], Math.Min(layer.Noise, BatchLayer.Rounding));
        return new(directions.narrow(0, 0, Math.Min(values.Length, Math.Max(rank == 0 ? values.Length : rank, least))), values, rank);
    }
}
