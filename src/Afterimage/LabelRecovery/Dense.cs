namespace Afterimage.LabelRecovery;

/// <summary>Small dense systems, row by row in double precision.</summary>
internal static class Dense
{
    /// <summary>The inverse by elimination with row pivots; a singular matrix gives numbers that are not finite.</summary>
    public static double[] Inverse(double[] matrix, int size)
    {
        var (left, right) = ((double[])matrix.Clone(), new double[size * size]);
        for (var i = 0; i < size; i++)
            right[i * size + i] = 1;
        for (var k = 0; k < size; k++)
        {
            var pivot = k;
            for (var i = k + 1; i < size; i++)
                if (Math.Abs(left[i * size + k]) > Math.Abs(left[pivot * size + k]))
                    pivot = i;
            for (var j = 0; j < size && pivot != k; j++)
            {
                (left[k * size + j], left[pivot * size + j]) = (left[pivot * size + j], left[k * size + j]);
                (right[k * size + j], right[pivot * size + j]) = (right[pivot * size + j], right[k * size + j]);
            }
            var scale = 1 / left[k * size + k];
            for (var j = 0; j < size; j++)
                (left[k * size + j], right[k * size + j]) = (left[k * size + j] * scale, right[k * size + j] * scale);
            for (var i = 0; i < size; i++)
            {
                var factor = left[i * size + k];
                if (i == k || factor == 0)
                    continue;
                for (var j = 0; j < size; j++)
                {
                    left[i * size + j] -= factor * left[k * size + j];
                    right[i * size + j] -= factor * right[k * size + j];
                }
            }
        }
        return right;
    }

    /// <summary>Least squares with a ridge relative to the mean square of a column: (A'A + r) x = A'y.</summary>
    /// <param name="matrix">[rows,columns].</param>
    public static double[] LeastSquares(double[] matrix, double[] right, int rows, int columns, double ridge)
    {
        var (normal, product) = (new double[columns * columns], new double[columns]);
        for (var k = 0; k < rows; k++)
            for (var i = 0; i < columns; i++)
            {
                product[i] += matrix[k * columns + i] * right[k];
                for (var j = 0; j < columns; j++)
                    normal[i * columns + j] += matrix[k * columns + i] * matrix[k * columns + j];
            }
        var trace = Enumerable.Range(0, columns).Sum(i => normal[i * columns + i]) / columns;
        for (var i = 0; i < columns; i++)
            normal[i * columns + i] += ridge * trace + double.Epsilon;
        var inverse = Inverse(normal, columns);
        return [.. Enumerable.Range(0, columns).Select(i => HeadEvidence.Dot(inverse.AsSpan(i * columns, columns), product))];
    }

    /// <summary>log det of a positive definite matrix by Cholesky, or null where it is not.</summary>
    public static double? LogDeterminant(double[] matrix, int size)
    {
        var (lower, sum) = ((double[])matrix.Clone(), 0.0);
        for (var i = 0; i < size; i++)
            for (var j = 0; j <= i; j++)
            {
                var value = lower[i * size + j] - HeadEvidence.Dot(lower.AsSpan(i * size, j), lower.AsSpan(j * size, j));
                if (i == j && !(value > 0))
                    return null;
                lower[i * size + j] = i == j ? Math.Sqrt(value) : value / lower[j * size + j];
                sum += i == j ? Math.Log(value) : 0;
            }
        return sum;
    }
}
