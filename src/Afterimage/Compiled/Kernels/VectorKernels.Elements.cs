using System.Numerics;
using System.Runtime.CompilerServices;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// Passes over single elements. They read up to one vector past the end, which every buffer of a plan allows, and write none.
/// </summary>
internal sealed unsafe partial class VectorKernels<V, T>
{
    public override void Times(T* c, T* a, T* b, int count, bool add) => Each<Term>(c, a, b, null, null, null, count, add);

    public override void TimesTwo(T* c, T* a, T* b, T* d, T* e, int count, bool add) => Each<Terms>(c, a, b, d, e, null, count, add);

    public override void TimesThree(T* c, T* a, T* b, T* d, T* e, T* f, int count, bool add) => Each<Curved>(c, a, b, d, e, f, count, add);

    public override void Scale(T* c, T factor, T* a, int count, bool add) => Combine1(c, factor, a, count, add);

    [MethodImpl(Hot)]
    public override void Transpose(T* a, nint strideA, T* b, nint strideB, int rows, int columns)
    {
        var row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            T* a0 = a + row * strideA, a1 = a0 + strideA, a2 = a1 + strideA, a3 = a2 + strideA, to = b + row;
            for (nint column = 0; column < columns; column++, to += strideB)
            {
                to[0] = a0[column];
                to[1] = a1[column];
                to[2] = a2[column];
                to[3] = a3[column];
            }
        }
        for (; row < rows; row++)
        {
            T* from = a + row * strideA, to = b + row;
            for (nint column = 0; column < columns; column++, to += strideB)
                *to = from[column];
        }
    }

    private interface IFormula
    {
        static abstract V At(nint i, T* a, T* b, T* d, T* e, T* f);
    }

    private readonly struct Term : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(nint i, T* a, T* b, T* d, T* e, T* f) => V.Load(a + i) * V.Load(b + i);
    }

    private readonly struct Terms : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(nint i, T* a, T* b, T* d, T* e, T* f) =>
            V.Fma(V.Load(d + i), V.Load(e + i), V.Load(a + i) * V.Load(b + i));
    }

    private readonly struct Curved : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(nint i, T* a, T* b, T* d, T* e, T* f) =>
            V.Fma(V.Load(d + i) * V.Load(e + i), V.Load(f + i), V.Load(a + i) * V.Load(b + i));
    }

    [MethodImpl(Hot)]
    private static void Each<F>(T* c, T* a, T* b, T* d, T* e, T* f, int count, bool add) where F : struct, IFormula
    {
        nint i = 0;
        for (; i + V.Count <= count; i += V.Count)
        {
            var value = F.At(i, a, b, d, e, f);
            (add ? V.Load(c + i) + value : value).Store(c + i);
        }
        if (i < count)
        {
            V value = F.At(i, a, b, d, e, f), old = V.Load(c + i);
            V.Select(V.From((int)(count - i)), old, add ? old + value : value).Store(c + i);
        }
    }

    public override void Activate(ActivationKind kind, T slope, T* x, T* y, T* first, T* second, int count)
    {
        switch (kind)
        {
            case ActivationKind.ReLU: Apply<Kink>(default, x, y, first, null, count); break;
            case ActivationKind.LeakyReLU: Apply<Kink>(slope, x, y, first, null, count); break;
            case ActivationKind.Sigmoid: Apply<Sigmoid>(slope, x, y, first, second, count); break;
            case ActivationKind.Tanh: Apply<Tanh>(slope, x, y, first, second, count); break;
            case ActivationKind.Gelu: Apply<Gelu>(slope, x, y, first, second, count); break;
            case ActivationKind.Silu: Apply<Silu>(slope, x, y, first, second, count); break;
            case ActivationKind.Softplus: Apply<Softplus>(slope, x, y, first, second, count); break;
            case ActivationKind.ReLU6: Apply<ReLU6>(slope, x, y, first, null, count); break;
            case ActivationKind.HardSigmoid: Apply<HardSigmoid>(slope, x, y, first, null, count); break;
            case ActivationKind.HardSwish: Apply<HardSwish>(slope, x, y, first, second, count); break;
            case ActivationKind.Elu: Apply<Elu>(slope, x, y, first, second, count); break;
            default: throw new AfterimageException($"{kind} has no compiled form: use the autograd operator.");
        }
    }

    private interface IFunction
    {
        static abstract V At(V x, V slope, out V first, out V second);
    }

    [MethodImpl(Hot)]
    private static void Apply<F>(T slope, T* x, T* y, T* first, T* second, int count) where F : struct, IFunction
    {
        var bend = V.Fill(slope);
        nint i = 0;
        for (; i + V.Count <= count; i += V.Count)
        {
            F.At(V.Load(x + i), bend, out var one, out var two).Store(y + i);
            one.Store(first + i);
            if (second != null)
                two.Store(second + i);
        }
        if (i < count)
        {
            var beyond = V.From((int)(count - i));
            var value = F.At(V.Load(x + i), bend, out var one, out var two);
            V.Select(beyond, V.Load(y + i), value).Store(y + i);
            V.Select(beyond, V.Load(first + i), one).Store(first + i);
            if (second != null)
                V.Select(beyond, V.Load(second + i), two).Store(second + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Number(double value) =>
        V.Fill(typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value));

    private readonly struct Kink : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            first = V.Select(V.Greater(x, default), Number(1), slope);
            second = default;
            return first * x;
        }
    }

    private readonly struct Sigmoid : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var y = Logistic(x);
            first = y * (Number(1) - y);
            second = first * (Number(1) - y - y);
            return y;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Logistic(V x) => Number(1) / (Number(1) + V.Exp(default(V) - x));

    private readonly struct Tanh : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            // Near zero 1 - exp(-2x) would cancel: there a rational function (Cody and Waite, 1980; Moshier's coefficients).
            var z = x * x;
            var top = V.Fma(V.Fma(Number(-9.64399179425052238628e-1), z, Number(-9.92877231001918586564e1)), z,
                Number(-1.61468768441708447952e3));
            var bottom = V.Fma(V.Fma(z + Number(1.12811678491632931402e2), z, Number(2.23548839060100448583e3)), z,
                Number(4.84406305325125486048e3));
            var near = V.Fma(x * z, top / bottom, x);
            var size = V.Abs(x);
            var decay = V.Exp(Number(-2) * size);
            var far = (Number(1) - decay) / (Number(1) + decay);
            var y = V.Select(V.Greater(size, Number(0.625)), V.Select(V.Greater(default, x), default(V) - far, far), near);
            first = Number(1) - y * y;
            second = Number(-2) * y * first;
            return y;
        }
    }

    private readonly struct Silu : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var s = Logistic(x);
            var rest = Number(1) - s;
            first = s * V.Fma(x, rest, Number(1));
            second = s * rest * V.Fma(x, rest - s, Number(2));
            return x * s;
        }
    }

    private readonly struct Softplus : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var straight = V.Greater(x, Number(20));
            var s = Logistic(x);
            first = V.Select(straight, Number(1), s);
            second = V.Select(straight, default, s * (Number(1) - s));
            return V.Select(straight, x, V.Log(Number(1) + V.Exp(x)));
        }
    }

    /// <summary>1 between two limits, 0 outside and at them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Between(V x, double low, double high) =>
        V.Select(V.Greater(x, Number(low)), V.Select(V.Greater(Number(high), x), Number(1), default), default);

    private readonly struct ReLU6 : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            first = Between(x, 0, 6);
            second = default;
            return V.Select(V.Greater(Number(6), x), first * x, Number(6));
        }
    }

    private readonly struct HardSigmoid : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var inside = Between(x, -3, 3);
            first = inside * Number(1 / 6.0);
            second = default;
            return V.Select(V.Greater(Number(3), x), first * (x + Number(3)), Number(1));
        }
    }

    private readonly struct HardSwish : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var inside = Between(x, -3, 3);
            var above = V.Greater(Number(3), x);
            first = V.Select(above, inside * V.Fma(x, Number(1 / 3.0), Number(0.5)), Number(1));
            second = inside * Number(1 / 3.0);
            return V.Select(above, inside * x * (x + Number(3)) * Number(1 / 6.0), x);
        }
    }

    private readonly struct Elu : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var positive = V.Greater(x, default);
            var decay = V.Exp(V.Select(positive, default, x));
            first = V.Select(positive, Number(1), decay);
            second = V.Select(positive, default, decay);
            return V.Select(positive, x, decay - Number(1));
        }
    }

    private readonly struct Gelu : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V At(V x, V slope, out V first, out V second)
        {
            var bell = V.Exp(Number(-0.5) * x * x);
            var below = Number(0.5) * (Number(1) + Erf(x * Number(0.70710678118654752440), bell));
            var density = bell * Number(0.39894228040143267794);
            first = V.Fma(x, density, below);
            second = density * (Number(2) - x * x);
            return x * below;
        }
    }

    /// <summary>The error function by Cody's rational approximations (Math. Comp. 23, 1969), with exp(-x^2) at hand.</summary>
    private static V Erf(V x, V bell)
    {
        var size = V.Abs(x);
        var z = x * x;
        var near = x * Ratio(z,
            [1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3],
            [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3]);
        var middle = Ratio(size,
            [2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
             8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3],
            [1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
             3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3]);
        var w = Number(1) / z;
        var far = (Number(0.56418958354775628695) - w * Ratio(w,
            [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
                6.58749161529837803e-4],
            [1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3])) / size;
        var tail = Number(1) - V.Select(V.Greater(size, Number(4)), far, middle) * bell;
        var signed = V.Select(V.Greater(default, x), default(V) - tail, tail);
        return V.Select(V.Greater(size, Number(0.46875)), signed, near);
    }

    private static V Ratio(V x, ReadOnlySpan<double> top, ReadOnlySpan<double> bottom)
    {
        V above = default, below = default;
        foreach (var coefficient in top)
            above = V.Fma(above, x, Number(coefficient));
        foreach (var coefficient in bottom)
            below = V.Fma(below, x, Number(coefficient));
        return above / below;
    }
}
