using System.Numerics;
using System.Runtime.CompilerServices;

namespace Afterimage.Compiled;

/// <summary>Products with a dense weight matrix in PyTorch's own layout, read once from front to back and never past its end.</summary>
internal sealed unsafe partial class VectorKernels<V, T>
{
    public override void Dot(T* c, nint strideC, T* a, nint strideA, T* b, nint strideB, int rows, int columns, int inner, bool add)
    {
        var row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            var column = 0;
            for (; column + 4 <= columns; column += 4)
                Dot4x4(c + row * strideC + column, strideC, a + row * strideA, strideA, b + column * strideB, strideB, inner, add);
            for (; column < columns; column++)
                for (var r = row; r < row + 4; r++)
                    Dot1x1(c + r * strideC + column, a + r * strideA, b + column * strideB, inner, add);
        }
        for (; row < rows; row++)
        {
            var column = 0;
            for (; column + 8 <= columns; column += 8)
                Dot1x8(c + row * strideC + column, a + row * strideA, b + column * strideB, strideB, inner, add);
            for (; column < columns; column++)
                Dot1x1(c + row * strideC + column, a + row * strideA, b + column * strideB, inner, add);
        }
    }

    [MethodImpl(Hot)]
    private static void Dot4x4(T* c, nint strideC, T* a, nint strideA, T* b, nint strideB, int inner, bool add)
    {
        T* a0 = a, a1 = a + strideA, a2 = a1 + strideA, a3 = a2 + strideA;
        T* b0 = b, b1 = b + strideB, b2 = b1 + strideB, b3 = b2 + strideB;
        V c00 = default, c01 = default, c02 = default, c03 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        V c20 = default, c21 = default, c22 = default, c23 = default, c30 = default, c31 = default, c32 = default, c33 = default;
        nint k = 0;
        for (; k + V.Count <= inner; k += V.Count)
        {
            V y0 = V.Load(b0 + k), y1 = V.Load(b1 + k), y2 = V.Load(b2 + k), y3 = V.Load(b3 + k), x;
            x = V.Load(a0 + k); c00 = V.Fma(x, y0, c00); c01 = V.Fma(x, y1, c01); c02 = V.Fma(x, y2, c02); c03 = V.Fma(x, y3, c03);
            x = V.Load(a1 + k); c10 = V.Fma(x, y0, c10); c11 = V.Fma(x, y1, c11); c12 = V.Fma(x, y2, c12); c13 = V.Fma(x, y3, c13);
            x = V.Load(a2 + k); c20 = V.Fma(x, y0, c20); c21 = V.Fma(x, y1, c21); c22 = V.Fma(x, y2, c22); c23 = V.Fma(x, y3, c23);
            x = V.Load(a3 + k); c30 = V.Fma(x, y0, c30); c31 = V.Fma(x, y1, c31); c32 = V.Fma(x, y2, c32); c33 = V.Fma(x, y3, c33);
        }
        Finish(c + 0, c00, a0, b0, k, inner, add); Finish(c + 1, c01, a0, b1, k, inner, add);
        Finish(c + 2, c02, a0, b2, k, inner, add); Finish(c + 3, c03, a0, b3, k, inner, add);
        c += strideC;
        Finish(c + 0, c10, a1, b0, k, inner, add); Finish(c + 1, c11, a1, b1, k, inner, add);
        Finish(c + 2, c12, a1, b2, k, inner, add); Finish(c + 3, c13, a1, b3, k, inner, add);
        c += strideC;
        Finish(c + 0, c20, a2, b0, k, inner, add); Finish(c + 1, c21, a2, b1, k, inner, add);
        Finish(c + 2, c22, a2, b2, k, inner, add); Finish(c + 3, c23, a2, b3, k, inner, add);
        c += strideC;
        Finish(c + 0, c30, a3, b0, k, inner, add); Finish(c + 1, c31, a3, b1, k, inner, add);
        Finish(c + 2, c32, a3, b2, k, inner, add); Finish(c + 3, c33, a3, b3, k, inner, add);
    }

    [MethodImpl(Hot)]
    private static void Dot1x8(T* c, T* a, T* b, nint strideB, int inner, bool add)
    {
        T* b0 = b, b1 = b0 + strideB, b2 = b1 + strideB, b3 = b2 + strideB, b4 = b3 + strideB, b5 = b4 + strideB, b6 = b5 + strideB,
            b7 = b6 + strideB;
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        nint k = 0;
        for (; k + V.Count <= inner; k += V.Count)
        {
            var x = V.Load(a + k);
            c0 = V.Fma(x, V.Load(b0 + k), c0);
            c1 = V.Fma(x, V.Load(b1 + k), c1);
            c2 = V.Fma(x, V.Load(b2 + k), c2);
            c3 = V.Fma(x, V.Load(b3 + k), c3);
            c4 = V.Fma(x, V.Load(b4 + k), c4);
            c5 = V.Fma(x, V.Load(b5 + k), c5);
            c6 = V.Fma(x, V.Load(b6 + k), c6);
            c7 = V.Fma(x, V.Load(b7 + k), c7);
        }
        Finish(c + 0, c0, a, b0, k, inner, add); Finish(c + 1, c1, a, b1, k, inner, add);
        Finish(c + 2, c2, a, b2, k, inner, add); Finish(c + 3, c3, a, b3, k, inner, add);
        Finish(c + 4, c4, a, b4, k, inner, add); Finish(c + 5, c5, a, b5, k, inner, add);
        Finish(c + 6, c6, a, b6, k, inner, add); Finish(c + 7, c7, a, b7, k, inner, add);
    }

    [MethodImpl(Hot)]
    private static void Dot1x1(T* c, T* a, T* b, int inner, bool add)
    {
        V sum = default, other = default;
        nint k = 0;
        for (; k + 2 * V.Count <= inner; k += 2 * V.Count)
        {
            sum = V.Fma(V.Load(a + k), V.Load(b + k), sum);
            other = V.Fma(V.Load(a + k + V.Count), V.Load(b + k + V.Count), other);
        }
        for (; k + V.Count <= inner; k += V.Count)
            sum = V.Fma(V.Load(a + k), V.Load(b + k), sum);
        Finish(c, sum + other, a, b, k, inner, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(T* c, V partial, T* a, T* b, nint k, int inner, bool add)
    {
        var sum = partial.Sum();
        for (; k < inner; k++)
            sum += a[k] * b[k];
        *c = add ? *c + sum : sum;
    }

    public override void Combine(T* c, T* a, nint stepA, T* b, nint stepB, int inner, int count, bool add)
    {
        var k = 0;
        for (; k + 8 <= inner; k += 8, add = true)
            Combine8(c, a + k * stepA, stepA, b + k * stepB, stepB, count, add);
        for (; k < inner; k++, add = true)
            Combine1(c, a[k * stepA], b + k * stepB, count, add);
    }

    [MethodImpl(Hot)]
    private static void Combine8(T* c, T* a, nint stepA, T* b, nint stepB, int count, bool add)
    {
        T* b0 = b, b1 = b0 + stepB, b2 = b1 + stepB, b3 = b2 + stepB, b4 = b3 + stepB, b5 = b4 + stepB, b6 = b5 + stepB, b7 = b6 + stepB;
        T s0 = a[0], s1 = a[stepA], s2 = a[2 * stepA], s3 = a[3 * stepA], s4 = a[4 * stepA], s5 = a[5 * stepA], s6 = a[6 * stepA],
            s7 = a[7 * stepA];
        V x0 = V.Fill(s0), x1 = V.Fill(s1), x2 = V.Fill(s2), x3 = V.Fill(s3), x4 = V.Fill(s4), x5 = V.Fill(s5), x6 = V.Fill(s6),
            x7 = V.Fill(s7);
        nint j = 0;
        for (; j + V.Count <= count; j += V.Count)
        {
            var left = add ? V.Load(c + j) : default;
            left = V.Fma(x0, V.Load(b0 + j), left);
            var right = x1 * V.Load(b1 + j);
            left = V.Fma(x2, V.Load(b2 + j), left);
            right = V.Fma(x3, V.Load(b3 + j), right);
            left = V.Fma(x4, V.Load(b4 + j), left);
            right = V.Fma(x5, V.Load(b5 + j), right);
            left = V.Fma(x6, V.Load(b6 + j), left);
            right = V.Fma(x7, V.Load(b7 + j), right);
            (left + right).Store(c + j);
        }
        for (; j < count; j++)
        {
            var sum = s0 * b0[j] + s1 * b1[j] + s2 * b2[j] + s3 * b3[j] + s4 * b4[j] + s5 * b5[j] + s6 * b6[j] + s7 * b7[j];
            c[j] = add ? c[j] + sum : sum;
        }
    }

    [MethodImpl(Hot)]
    private static void Combine1(T* c, T a, T* b, int count, bool add)
    {
        var x = V.Fill(a);
        nint j = 0;
        for (; j + V.Count <= count; j += V.Count)
            (add ? V.Fma(x, V.Load(b + j), V.Load(c + j)) : x * V.Load(b + j)).Store(c + j);
        for (; j < count; j++)
            c[j] = add ? c[j] + a * b[j] : a * b[j];
    }

    [MethodImpl(Hot)]
    public override void SumProducts(T* c, T* start, Segment<T>* pairs, int pairCount, nint shiftA, int count)
    {
        var end = pairs + pairCount;
        for (nint j = 0; j < count; j += V.Count)
        {
            var sum = start == null ? default : V.Load(start + j);
            for (var pair = pairs; pair != end; pair++)
                sum = V.Fma(V.Load(pair->A + shiftA + j), V.Load(pair->B + j), sum);
            Keep(c + j, sum, (int)(count - j));
        }
    }

    [MethodImpl(Hot)]
    public override void AddProducts(Segment<T>* pairs, int pairCount, nint shiftA, nint shiftB, T* a, int count)
    {
        var end = pairs + pairCount;
        for (nint j = 0; j < count; j += V.Count)
        {
            var x = V.Load(a + j);
            for (var pair = pairs; pair != end; pair++)
            {
                var to = pair->A + shiftA + j;
                Keep(to, V.Fma(x, V.Load(pair->B + shiftB + j), V.Load(to)), (int)(count - j));
            }
        }
    }

    /// <summary>Stores as many numbers of a vector as are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(T* to, V value, int left) =>
        (left >= V.Count ? value : V.Select(V.From(left), V.Load(to), value)).Store(to);
}
