using System.Numerics;
using System.Runtime.CompilerServices;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>Matrix products for one kind of vector.</summary>
internal sealed unsafe partial class VectorKernels<V, T> : Kernels<T> where V : struct, ILanes<V, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    public override int Lanes => V.Count;

    public override void Multiply(in Product<T> product)
    {
        switch (product.Writing)
        {
            case Writing.Over: Multiply<Over>(product); break;
            case Writing.Within: Multiply<Within>(product); break;
            default: Multiply<Add>(product); break;
        }
    }

    private static void Multiply<W>(in Product<T> product) where W : struct, IWriting
    {
        var row = 0;
        if (product.Columns > V.Count)
        {
            for (; row + 8 <= product.Rows; row += 8)
                Tile8x2<W>(product, row);
            for (; row < product.Rows; row += 4)
                Tile4x2<W>(product, row);
        }
        else
        {
            for (; row + 8 <= product.Rows; row += 8)
                Tile8x1<W>(product, row);
            for (; row < product.Rows; row += 4)
                Tile4x1<W>(product, row);
        }
    }

    private interface IWriting
    {
        static abstract void Put(T* to, V value, V beyond);
    }

    private readonly struct Over : IWriting
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(T* to, V value, V beyond) => value.Store(to);
    }

    private readonly struct Within : IWriting
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(T* to, V value, V beyond) => V.Select(beyond, V.Load(to), value).Store(to);
    }

    private readonly struct Add : IWriting
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Put(T* to, V value, V beyond) => (V.Load(to) + value).Store(to);
    }


    [MethodImpl(Hot)]
    private static void Tile8x2<W>(in Product<T> product, int row) where W : struct, IWriting
    {
        V s0 = default, s1 = default;
        if (product.Start != null)
            (s0, s1) = (V.Load(product.Start), V.Load(product.Start + V.Count));
        V c00 = s0, c10 = s0, c20 = s0, c30 = s0, c40 = s0, c50 = s0, c60 = s0, c70 = s0;
        V c01 = s1, c11 = s1, c21 = s1, c31 = s1, c41 = s1, c51 = s1, c61 = s1, c71 = s1;
        var rows = product.RowsA + row;
        var (stepA, stepB, inner) = (product.StepA, product.StepB, product.Inner);
        var end = product.Segments + product.SegmentCount;
        for (var segment = product.Segments; segment != end; segment++)
        {
            var a = segment->A + product.ShiftA;
            var b = segment->B + product.ShiftB;
            T* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3];
            T* a4 = a + rows[4], a5 = a + rows[5], a6 = a + rows[6], a7 = a + rows[7];
            nint at = 0;
            for (var k = inner; k > 0; k--)
            {
                V b0 = V.Load(b), b1 = V.Load(b + V.Count), x;
                x = V.Fill(a0[at]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01);
                x = V.Fill(a1[at]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11);
                x = V.Fill(a2[at]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21);
                x = V.Fill(a3[at]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31);
                x = V.Fill(a4[at]); c40 = V.Fma(x, b0, c40); c41 = V.Fma(x, b1, c41);
                x = V.Fill(a5[at]); c50 = V.Fma(x, b0, c50); c51 = V.Fma(x, b1, c51);
                x = V.Fill(a6[at]); c60 = V.Fma(x, b0, c60); c61 = V.Fma(x, b1, c61);
                x = V.Fill(a7[at]); c70 = V.Fma(x, b0, c70); c71 = V.Fma(x, b1, c71);
                at += stepA;
                b += stepB;
            }
        }
        var to = product.RowsC + row;
        var beyond = V.From(product.Columns - V.Count);
        T* c;
        c = product.C + to[0]; Put<W>(c, c00, c01, beyond);
        c = product.C + to[1]; Put<W>(c, c10, c11, beyond);
        c = product.C + to[2]; Put<W>(c, c20, c21, beyond);
        c = product.C + to[3]; Put<W>(c, c30, c31, beyond);
        c = product.C + to[4]; Put<W>(c, c40, c41, beyond);
        c = product.C + to[5]; Put<W>(c, c50, c51, beyond);
        c = product.C + to[6]; Put<W>(c, c60, c61, beyond);
        c = product.C + to[7]; Put<W>(c, c70, c71, beyond);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<W>(T* c, V first, V second, V beyond) where W : struct, IWriting
    {
        if (typeof(W) == typeof(Add))
            (V.Load(c) + first).Store(c);
        else
            first.Store(c);
        W.Put(c + V.Count, second, beyond);
    }

    [MethodImpl(Hot)]
    private static void Tile4x2<W>(in Product<T> product, int row) where W : struct, IWriting
    {
        V s0 = default, s1 = default;
        if (product.Start != null)
            (s0, s1) = (V.Load(product.Start), V.Load(product.Start + V.Count));
        V c00 = s0, c10 = s0, c20 = s0, c30 = s0, c01 = s1, c11 = s1, c21 = s1, c31 = s1;
        var rows = product.RowsA + row;
        var (stepA, stepB, inner) = (product.StepA, product.StepB, product.Inner);
        var end = product.Segments + product.SegmentCount;
        for (var segment = product.Segments; segment != end; segment++)
        {
            var a = segment->A + product.ShiftA;
            var b = segment->B + product.ShiftB;
            T* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3];
            nint at = 0;
            for (var k = inner; k > 0; k--)
            {
                V b0 = V.Load(b), b1 = V.Load(b + V.Count), x;
                x = V.Fill(a0[at]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01);
                x = V.Fill(a1[at]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11);
                x = V.Fill(a2[at]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21);
                x = V.Fill(a3[at]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31);
                at += stepA;
                b += stepB;
            }
        }
        var to = product.RowsC + row;
        var beyond = V.From(product.Columns - V.Count);
        Put<W>(product.C + to[0], c00, c01, beyond);
        Put<W>(product.C + to[1], c10, c11, beyond);
        Put<W>(product.C + to[2], c20, c21, beyond);
        Put<W>(product.C + to[3], c30, c31, beyond);
    }

    [MethodImpl(Hot)]
    private static void Tile8x1<W>(in Product<T> product, int row) where W : struct, IWriting
    {
        var s = product.Start != null ? V.Load(product.Start) : default;
        V c0 = s, c1 = s, c2 = s, c3 = s, c4 = s, c5 = s, c6 = s, c7 = s;
        var rows = product.RowsA + row;
        var (stepA, stepB, inner) = (product.StepA, product.StepB, product.Inner);
        var end = product.Segments + product.SegmentCount;
        for (var segment = product.Segments; segment != end; segment++)
        {
            var a = segment->A + product.ShiftA;
            var b = segment->B + product.ShiftB;
            T* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3];
            T* a4 = a + rows[4], a5 = a + rows[5], a6 = a + rows[6], a7 = a + rows[7];
            nint at = 0;
            for (var k = inner; k > 0; k--)
            {
                var x = V.Load(b);
                c0 = V.Fma(V.Fill(a0[at]), x, c0);
                c1 = V.Fma(V.Fill(a1[at]), x, c1);
                c2 = V.Fma(V.Fill(a2[at]), x, c2);
                c3 = V.Fma(V.Fill(a3[at]), x, c3);
                c4 = V.Fma(V.Fill(a4[at]), x, c4);
                c5 = V.Fma(V.Fill(a5[at]), x, c5);
                c6 = V.Fma(V.Fill(a6[at]), x, c6);
                c7 = V.Fma(V.Fill(a7[at]), x, c7);
                at += stepA;
                b += stepB;
            }
        }
        var to = product.RowsC + row;
        var beyond = V.From(product.Columns);
        W.Put(product.C + to[0], c0, beyond);
        W.Put(product.C + to[1], c1, beyond);
        W.Put(product.C + to[2], c2, beyond);
        W.Put(product.C + to[3], c3, beyond);
        W.Put(product.C + to[4], c4, beyond);
        W.Put(product.C + to[5], c5, beyond);
        W.Put(product.C + to[6], c6, beyond);
        W.Put(product.C + to[7], c7, beyond);
    }

    [MethodImpl(Hot)]
    private static void Tile4x1<W>(in Product<T> product, int row) where W : struct, IWriting
    {
        var s = product.Start != null ? V.Load(product.Start) : default;
        V c0 = s, c1 = s, c2 = s, c3 = s;
        var rows = product.RowsA + row;
        var (stepA, stepB, inner) = (product.StepA, product.StepB, product.Inner);
        var end = product.Segments + product.SegmentCount;
        for (var segment = product.Segments; segment != end; segment++)
        {
            var a = segment->A + product.ShiftA;
            var b = segment->B + product.ShiftB;
            T* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3];
            nint at = 0;
            for (var k = inner; k > 0; k--)
            {
                var x = V.Load(b);
                c0 = V.Fma(V.Fill(a0[at]), x, c0);
                c1 = V.Fma(V.Fill(a1[at]), x, c1);
                c2 = V.Fma(V.Fill(a2[at]), x, c2);
                c3 = V.Fma(V.Fill(a3[at]), x, c3);
                at += stepA;
                b += stepB;
            }
        }
        var to = product.RowsC + row;
        var beyond = V.From(product.Columns);
        W.Put(product.C + to[0], c0, beyond);
        W.Put(product.C + to[1], c1, beyond);
        W.Put(product.C + to[2], c2, beyond);
        W.Put(product.C + to[3], c3, beyond);
    }
}
