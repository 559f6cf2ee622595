using System.Numerics;
using System.Runtime.Intrinsics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>A pair of operands whose products are summed: one tap of a convolution, one row of positions.</summary>
internal unsafe struct Segment<T>(T* a, T* b) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T* A = a;
    public T* B = b;
}

/// <summary>How a matrix product is stored.</summary>
internal enum Writing
{
    /// <summary>By whole vectors, which also overwrite what lies behind the last column: slack, or a row that is written later.</summary>
    Over,

    /// <summary>The columns alone.</summary>
    Within,

    /// <summary>Added by whole vectors; padding columns of B must be zero.</summary>
    Add,
}

/// <summary>
/// C[m,j] = start[j] + sum over segments s and k of A_s[rowsA[m] + k stepA] B_s[k stepB + j]: a matrix product whose rows are
/// given by offsets, so that a convolution needs no copy of its windows.
/// </summary>
internal unsafe struct Product<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public Segment<T>* Segments;
    public int SegmentCount;
    public nint ShiftA;
    public nint ShiftB;
    public int Inner;
    public nint StepA;
    public nint StepB;
    public int* RowsA;
    public int* RowsC;

    /// <summary>A multiple of four; tables of offsets are padded with dummy rows.</summary>
    public int Rows;

    /// <summary>At most two vectors.</summary>
    public int Columns;
    public T* C;
    public T* Start;
    public Writing Writing;
}

/// <summary>The inner loops of a plan, for the widest vectors of this processor.</summary>
internal abstract unsafe class Kernels<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The kernels for this processor.</summary>
    public static Kernels<T> Best { get; } =
        Vector512.IsHardwareAccelerated ? new VectorKernels<Lanes512<T>, T>()
        : Vector256.IsHardwareAccelerated ? new VectorKernels<Lanes256<T>, T>()
        : new VectorKernels<Lanes128<T>, T>();

    /// <summary>Numbers in one vector.</summary>
    public abstract int Lanes { get; }

    /// <summary>
    /// Numbers in the panel of packed columns that begins with this many columns left: two vectors, or one for the last few.
    /// </summary>
    public int PanelWidth(int columnsLeft) => columnsLeft > Lanes ? 2 * Lanes : Lanes;

    /// <summary>Numbers that columns take when they are cut into panels.</summary>
    public int Padded(int columns) => (columns + Lanes - 1) / Lanes * Lanes;

    public abstract void Multiply(in Product<T> product);

    /// <summary>c[m,n] (+)= sum over k of a[m,k] b[n,k].</summary>
    public abstract void Dot(T* c, nint strideC, T* a, nint strideA, T* b, nint strideB, int rows, int columns, int inner, bool add);

    /// <summary>c[j] (+)= sum over k of a[k stepA] b[k stepB + j].</summary>
    public abstract void Combine(T* c, T* a, nint stepA, T* b, nint stepB, int inner, int count, bool add);

    /// <summary>c[j] = start[j] + sum over pairs of A[shiftA + j] B[j]; no start is zero.</summary>
    public abstract void SumProducts(T* c, T* start, Segment<T>* pairs, int pairCount, nint shiftA, int count);

    /// <summary>A[shiftA + j] += a[j] B[shiftB + j] for each pair.</summary>
    public abstract void AddProducts(Segment<T>* pairs, int pairCount, nint shiftA, nint shiftB, T* a, int count);

    /// <summary>b[j,i] = a[i,j].</summary>
    public abstract void Transpose(T* a, nint strideA, T* b, nint strideB, int rows, int columns);

    /// <summary>c (+)= a b.</summary>
    public abstract void Times(T* c, T* a, T* b, int count, bool add);

    /// <summary>c (+)= a b + d e.</summary>
    public abstract void TimesTwo(T* c, T* a, T* b, T* d, T* e, int count, bool add);

    /// <summary>c (+)= a b + d e f.</summary>
    public abstract void TimesThree(T* c, T* a, T* b, T* d, T* e, T* f, int count, bool add);

    /// <summary>c (+)= factor a.</summary>
    public abstract void Scale(T* c, T factor, T* a, int count, bool add);

    /// <summary>y = f(x) with its first two derivatives; a piecewise linear f leaves the second alone.</summary>
    public abstract void Activate(ActivationKind kind, T slope, T* x, T* y, T* first, T* second, int count);
}
