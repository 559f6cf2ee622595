using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// The three products of a weight matrix [O,I] with some vectors, read where it lies in the flat vector of parameters: the fewer the
/// vectors, the more would copies of the matrix in another order cost.
/// </summary>
/// <param name="outputs">O, rows of the matrix.</param>
/// <param name="inputs">I, columns of the matrix.</param>
/// <param name="vectors">Vectors that the matrix is multiplied with.</param>
internal sealed unsafe class DenseProducts<T>(int outputs, int inputs, int vectors) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows of the matrix that stay in cache while every vector passes over them.</summary>
    private const int RowsPerBlock = 8;

    /// <summary>Rows of a product's right side that stay in cache, in order, while every row of its left side passes over them.</summary>
    private const int InnerPerBlock = 16;

    /// <summary>Rows of a product that are computed at once.</summary>
    private const int RowsPerTile = 16;
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    /// <summary>Every vector of O numbers (+)= the matrix times its vector of I numbers.</summary>
    public void Multiply(T* to, nint strideTo, T* from, nint strideFrom, T* matrix, bool add)
    {
        for (var begin = 0; begin < outputs; begin += RowsPerBlock)
            kernels.Dot(to + begin, strideTo, from, strideFrom, matrix + (long)begin * inputs, inputs, vectors,
                Math.Min(RowsPerBlock, outputs - begin), inputs, add);
    }

    /// <summary>Every vector of I numbers (+)= the transposed matrix times its vector of O numbers.</summary>
    public void Transpose(T* to, nint strideTo, T* from, nint strideFrom, T* matrix, bool add)
    {
        for (var begin = 0; begin < outputs; begin += InnerPerBlock, add = true)
            Combine(to, strideTo, from + begin, strideFrom, 1, matrix + (long)begin * inputs, inputs, vectors,
                Math.Min(InnerPerBlock, outputs - begin), add);
    }

    /// <summary>The matrix (+)= the sum over vectors of the products of O with I numbers.</summary>
    public void Gradient(T* matrix, T* left, nint strideLeft, T* right, nint strideRight, bool add) =>
        Combine(matrix, inputs, left, 1, strideLeft, right, strideRight, outputs, vectors, add);

    /// <summary>
    /// c[m,j] (+)= sum over k of a[m,k] b[k,j] for j below I: tile by tile what fills whole vectors, for neither b nor c may be touched
    /// past its end, and row by row the rest.
    /// </summary>
    private void Combine(T* c, nint strideC, T* a, nint strideA, nint stepA, T* b, nint strideB, int rows, int inner, bool add)
    {
        var (whole, row) = (inputs / kernels.Lanes * kernels.Lanes, 0);
        int* rowsA = stackalloc int[RowsPerTile], rowsC = stackalloc int[RowsPerTile];
        for (var i = 0; i < RowsPerTile; i++)
            (rowsA[i], rowsC[i]) = ((int)(i * strideA), (int)(i * strideC));
        Segment<T> segment;
        var product = new Product<T>
        {
            Segments = &segment, SegmentCount = 1, Inner = inner, StepA = stepA, StepB = strideB, RowsA = rowsA, RowsC = rowsC,
            Writing = add ? Writing.Add : Writing.Over,
        };
        for (; row + 4 <= rows; row += product.Rows)
        {
            product.Rows = Math.Min(RowsPerTile, (rows - row) / 4 * 4);
            for (var panel = 0; panel < whole; panel += product.Columns)
            {
                product.Columns = Math.Min(2 * kernels.Lanes, whole - panel);
                product.C = c + row * strideC + panel;
                segment = new(a + row * strideA, b + panel);
                kernels.Multiply(product);
            }
            for (var i = row; i < row + product.Rows && whole < inputs; i++)
                kernels.Combine(c + i * strideC + whole, a + i * strideA, stepA, b + whole, strideB, inner, inputs - whole, add);
        }
        for (; row < rows; row++)
            kernels.Combine(c + row * strideC, a + row * strideA, stepA, b, strideB, inner, inputs, add);
    }
}
