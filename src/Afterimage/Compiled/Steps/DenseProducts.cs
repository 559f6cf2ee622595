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
        for (var begin = 0; begin < outputs; begin += RowsPerBlock, add = true)
            for (var vector = 0; vector < vectors; vector++)
                kernels.Combine(to + vector * strideTo, from + vector * strideFrom + begin, 1, matrix + (long)begin * inputs, inputs,
                    Math.Min(RowsPerBlock, outputs - begin), inputs, add);
    }

    /// <summary>The matrix (+)= the sum over vectors of the products of O with I numbers.</summary>
    public void Gradient(T* matrix, T* left, nint strideLeft, T* right, nint strideRight, bool add)
    {
        for (var row = 0; row < outputs; row++)
            kernels.Combine(matrix + (long)row * inputs, left + row, strideLeft, right, strideRight, vectors, inputs, add);
    }
}
