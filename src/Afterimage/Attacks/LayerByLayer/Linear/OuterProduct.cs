namespace Afterimage.Attacks;

/// <summary>
/// A matrix as the outer product of a column and a row, as dL/dW of a linear layer is for one image, and the noise it has besides.
/// </summary>
/// <param name="Column">[1,rows].</param>
/// <param name="Row">[1,columns].</param>
/// <param name="Noise">Standard deviation of what the product does not explain, in one number.</param>
/// <param name="Level">Root mean square of the matrix.</param>
internal sealed record OuterProduct(Tensor Column, Tensor Row, double Noise, double Level)
{
    /// <summary>By one step of the power method, which is enough where noise is much less than the product.</summary>
    /// <param name="matrix">Of two dimensions.</param>
    /// <param name="start">A column to begin with, [1,rows]; null for the longest of the matrix.</param>
    public static OuterProduct Of(Tensor matrix, Tensor? start = null)
    {
        start ??= matrix.index_select(1, matrix.norm(0).argmax().view(1)).t();
        var column = matrix.matmul(start.matmul(matrix).t()).t();
        column = column / (column.norm() + 1e-300);
        var row = column.matmul(matrix);
        var left = matrix.norm().square() - row.square().sum();
        var freedom = Math.Max(1, (matrix.shape[0] - 1) * (matrix.shape[1] - 1));
        return new(column, row, (left.clamp_min(0) / freedom).sqrt().ToDouble(),
            (matrix.norm() / Math.Sqrt(matrix.numel())).ToDouble());
    }
}
