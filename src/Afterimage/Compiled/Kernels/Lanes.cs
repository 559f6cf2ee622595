using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Afterimage.Compiled;

/// <summary>
/// A hardware vector. Kernels are written once against this and compiled by the runtime for every width and both precisions.
/// </summary>
internal unsafe interface ILanes<V, T> where V : struct, ILanes<V, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    static abstract int Count { get; }

    static abstract V Load(T* from);

    static abstract V Fill(T value);

    /// <summary>A mask of the lanes from <paramref name="begin"/> on.</summary>
    static abstract V From(int begin);

    /// <summary>a b + c, in one instruction where the processor has it.</summary>
    static abstract V Fma(V a, V b, V c);

    static abstract V Exp(V x);

    static abstract V Log(V x);

    static abstract V Abs(V x);

    static abstract V Greater(V a, V b);

    static abstract V Select(V mask, V yes, V no);

    static abstract V operator +(V a, V b);

    static abstract V operator -(V a, V b);

    static abstract V operator *(V a, V b);

    static abstract V operator /(V a, V b);

    void Store(T* to);

    T Sum();
}

internal readonly unsafe struct Lanes512<T>(Vector512<T> value) : ILanes<Lanes512<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector512<T> value = value;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(Inline)]
    public static Lanes512<T> Load(T* from) => new(Vector512.Load(from));

    [MethodImpl(Inline)]
    public static Lanes512<T> Fill(T value) => new(Vector512.Create(value));

    [MethodImpl(Inline)]
    public static Lanes512<T> From(int begin) => typeof(T) == typeof(float)
        ? new(Vector512.GreaterThanOrEqual(Vector512<float>.Indices, Vector512.Create((float)begin)).As<float, T>())
        : new(Vector512.GreaterThanOrEqual(Vector512<double>.Indices, Vector512.Create((double)begin)).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes512<T> Fma(Lanes512<T> a, Lanes512<T> b, Lanes512<T> c) => typeof(T) == typeof(float)
        ? new(Vector512.MultiplyAddEstimate(a.value.AsSingle(), b.value.AsSingle(), c.value.AsSingle()).As<float, T>())
        : new(Vector512.MultiplyAddEstimate(a.value.AsDouble(), b.value.AsDouble(), c.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes512<T> Exp(Lanes512<T> x) => typeof(T) == typeof(float)
        ? new(Vector512.Exp(x.value.AsSingle()).As<float, T>())
        : new(Vector512.Exp(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes512<T> Log(Lanes512<T> x) => typeof(T) == typeof(float)
        ? new(Vector512.Log(x.value.AsSingle()).As<float, T>())
        : new(Vector512.Log(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes512<T> Abs(Lanes512<T> x) => new(Vector512.Abs(x.value));

    [MethodImpl(Inline)]
    public static Lanes512<T> Greater(Lanes512<T> a, Lanes512<T> b) => new(Vector512.GreaterThan(a.value, b.value));

    [MethodImpl(Inline)]
    public static Lanes512<T> Select(Lanes512<T> mask, Lanes512<T> yes, Lanes512<T> no) =>
        new(Vector512.ConditionalSelect(mask.value, yes.value, no.value));

    [MethodImpl(Inline)]
    public static Lanes512<T> operator +(Lanes512<T> a, Lanes512<T> b) => new(a.value + b.value);

    [MethodImpl(Inline)]
    public static Lanes512<T> operator -(Lanes512<T> a, Lanes512<T> b) => new(a.value - b.value);

    [MethodImpl(Inline)]
    public static Lanes512<T> operator *(Lanes512<T> a, Lanes512<T> b) => new(a.value * b.value);

    [MethodImpl(Inline)]
    public static Lanes512<T> operator /(Lanes512<T> a, Lanes512<T> b) => new(a.value / b.value);

    [MethodImpl(Inline)]
    public void Store(T* to) => value.Store(to);

    [MethodImpl(Inline)]
    public T Sum() => Vector512.Sum(value);
}

internal readonly unsafe struct Lanes256<T>(Vector256<T> value) : ILanes<Lanes256<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector256<T> value = value;

    public static int Count => Vector256<T>.Count;

    [MethodImpl(Inline)]
    public static Lanes256<T> Load(T* from) => new(Vector256.Load(from));

    [MethodImpl(Inline)]
    public static Lanes256<T> Fill(T value) => new(Vector256.Create(value));

    [MethodImpl(Inline)]
    public static Lanes256<T> From(int begin) => typeof(T) == typeof(float)
        ? new(Vector256.GreaterThanOrEqual(Vector256<float>.Indices, Vector256.Create((float)begin)).As<float, T>())
        : new(Vector256.GreaterThanOrEqual(Vector256<double>.Indices, Vector256.Create((double)begin)).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes256<T> Fma(Lanes256<T> a, Lanes256<T> b, Lanes256<T> c) => typeof(T) == typeof(float)
        ? new(Vector256.MultiplyAddEstimate(a.value.AsSingle(), b.value.AsSingle(), c.value.AsSingle()).As<float, T>())
        : new(Vector256.MultiplyAddEstimate(a.value.AsDouble(), b.value.AsDouble(), c.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes256<T> Exp(Lanes256<T> x) => typeof(T) == typeof(float)
        ? new(Vector256.Exp(x.value.AsSingle()).As<float, T>())
        : new(Vector256.Exp(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes256<T> Log(Lanes256<T> x) => typeof(T) == typeof(float)
        ? new(Vector256.Log(x.value.AsSingle()).As<float, T>())
        : new(Vector256.Log(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes256<T> Abs(Lanes256<T> x) => new(Vector256.Abs(x.value));

    [MethodImpl(Inline)]
    public static Lanes256<T> Greater(Lanes256<T> a, Lanes256<T> b) => new(Vector256.GreaterThan(a.value, b.value));

    [MethodImpl(Inline)]
    public static Lanes256<T> Select(Lanes256<T> mask, Lanes256<T> yes, Lanes256<T> no) =>
        new(Vector256.ConditionalSelect(mask.value, yes.value, no.value));

    [MethodImpl(Inline)]
    public static Lanes256<T> operator +(Lanes256<T> a, Lanes256<T> b) => new(a.value + b.value);

    [MethodImpl(Inline)]
    public static Lanes256<T> operator -(Lanes256<T> a, Lanes256<T> b) => new(a.value - b.value);

    [MethodImpl(Inline)]
    public static Lanes256<T> operator *(Lanes256<T> a, Lanes256<T> b) => new(a.value * b.value);

    [MethodImpl(Inline)]
    public static Lanes256<T> operator /(Lanes256<T> a, Lanes256<T> b) => new(a.value / b.value);

    [MethodImpl(Inline)]
    public void Store(T* to) => value.Store(to);

    [MethodImpl(Inline)]
    public T Sum() => Vector256.Sum(value);
}

internal readonly unsafe struct Lanes128<T>(Vector128<T> value) : ILanes<Lanes128<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector128<T> value = value;

    public static int Count => Vector128<T>.Count;

    [MethodImpl(Inline)]
    public static Lanes128<T> Load(T* from) => new(Vector128.Load(from));

    [MethodImpl(Inline)]
    public static Lanes128<T> Fill(T value) => new(Vector128.Create(value));

    [MethodImpl(Inline)]
    public static Lanes128<T> From(int begin) => typeof(T) == typeof(float)
        ? new(Vector128.GreaterThanOrEqual(Vector128<float>.Indices, Vector128.Create((float)begin)).As<float, T>())
        : new(Vector128.GreaterThanOrEqual(Vector128<double>.Indices, Vector128.Create((double)begin)).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes128<T> Fma(Lanes128<T> a, Lanes128<T> b, Lanes128<T> c) => typeof(T) == typeof(float)
        ? new(Vector128.MultiplyAddEstimate(a.value.AsSingle(), b.value.AsSingle(), c.value.AsSingle()).As<float, T>())
        : new(Vector128.MultiplyAddEstimate(a.value.AsDouble(), b.value.AsDouble(), c.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes128<T> Exp(Lanes128<T> x) => typeof(T) == typeof(float)
        ? new(Vector128.Exp(x.value.AsSingle()).As<float, T>())
        : new(Vector128.Exp(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes128<T> Log(Lanes128<T> x) => typeof(T) == typeof(float)
        ? new(Vector128.Log(x.value.AsSingle()).As<float, T>())
        : new(Vector128.Log(x.value.AsDouble()).As<double, T>());

    [MethodImpl(Inline)]
    public static Lanes128<T> Abs(Lanes128<T> x) => new(Vector128.Abs(x.value));

    [MethodImpl(Inline)]
    public static Lanes128<T> Greater(Lanes128<T> a, Lanes128<T> b) => new(Vector128.GreaterThan(a.value, b.value));

    [MethodImpl(Inline)]
    public static Lanes128<T> Select(Lanes128<T> mask, Lanes128<T> yes, Lanes128<T> no) =>
        new(Vector128.ConditionalSelect(mask.value, yes.value, no.value));

    [MethodImpl(Inline)]
    public static Lanes128<T> operator +(Lanes128<T> a, Lanes128<T> b) => new(a.value + b.value);

    [MethodImpl(Inline)]
    public static Lanes128<T> operator -(Lanes128<T> a, Lanes128<T> b) => new(a.value - b.value);

    [MethodImpl(Inline)]
    public static Lanes128<T> operator *(Lanes128<T> a, Lanes128<T> b) => new(a.value * b.value);

    [MethodImpl(Inline)]
    public static Lanes128<T> operator /(Lanes128<T> a, Lanes128<T> b) => new(a.value / b.value);

    [MethodImpl(Inline)]
    public void Store(T* to) => value.Store(to);

    [MethodImpl(Inline)]
    public T Sum() => Vector128.Sum(value);
}
