using System.Runtime.InteropServices;

namespace Afterimage.Numerics;

/// <summary>
/// Whether libtorch's convolutions are right on this processor. They are computed by oneDNN, whose version 3.7.1 gives wrong derivatives of
/// 5x5 kernels, and wrong values too, where a hypervisor hides the caches from CPUID (seen on AMD's Zen 5): no digit is right, and
/// nobody is told. Where a few small convolutions differ from those in double precision, which oneDNN has no part in, libtorch's own
/// take its place.
/// </summary>
public static class ConvolutionCheck
{
    private const double Tolerance = 1e-3;

    // Symbols of libtorch_cpu: at::globalContext(), and at::Context::setUserEnabledMkldnn(bool) and setUserEnabledNNPACK(bool).
    private const string Library = "torch_cpu", Context = "_ZN2at13globalContextEv";
    private const string OneDnn = "_ZN2at7Context20setUserEnabledMkldnnEb", NnPack = "_ZN2at7Context20setUserEnabledNNPACKEb";

    private static readonly Lazy<string?> Outcome = new(Run);

    private static readonly (int Inputs, int Outputs, int Kernel, int Stride)[] Cases =
        [(1, 1, 5, 1), (12, 1, 5, 1), (3, 12, 5, 2), (16, 16, 3, 1), (3, 8, 7, 2)];

    /// <summary>One sentence on what was wrong and is replaced; null where oneDNN's convolutions are right.</summary>
    /// <exception cref="AfterimageException">They are wrong, and this system has no way to replace them.</exception>
    public static string? Note => Outcome.Value;

    /// <summary>Checks once; the first caller waits some milliseconds.</summary>
    /// <exception cref="AfterimageException">Convolutions are wrong, and this system has no way to replace them.</exception>
    internal static void Ensure() => _ = Outcome.Value;

    private static string? Run()
    {
        // NNPACK says at every convolution that it does not know a processor that it does not know.
        SwitchOff(NnPack);
        if (Largest() < Tolerance)
            return null;
        if (!SwitchOff(OneDnn) || Largest() >= Tolerance)
            throw new AfterimageException("libtorch computes wrong convolutions on this processor, so that no result could be trusted: " +
                "use another machine, or a virtual one that describes the processor's caches to its guests.");
        return "oneDNN computes wrong convolutions on this processor, so libtorch's own are used.";
    }

    private static double Largest() => Cases.Max(shape => Error(shape.Inputs, shape.Outputs, shape.Kernel, shape.Stride));

    /// <summary>The largest relative error of a convolution's value and of its two derivatives.</summary>
    private static double Error(int inputs, int outputs, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        using var graph = enable_grad();
        Tensor Values(double step, params long[] shape) =>
            arange(shape.Aggregate((a, b) => a * b), ScalarType.Float64).mul(step).sin().view(shape);
        var (image, weight) = (Values(0.7, 2, inputs, 8, 8), Values(1.3, outputs, inputs, kernel, kernel));
        Tensor[] Products(ScalarType type)
        {
            var (x, w) = (image.to(type).requires_grad_(), weight.to(type).requires_grad_());
            var y = nn.functional.conv2d(x, w, strides: [stride, stride], padding: [kernel / 2, kernel / 2]);
            return [y.detach(), .. autograd.grad([y], [x, w], [Values(0.3, y.shape).to(type)])];
        }
        return Products(ScalarType.Float32).Zip(Products(ScalarType.Float64))
            .Max(pair => ((pair.First.to(ScalarType.Float64) - pair.Second).norm() / pair.Second.norm()).ToDouble() is var error
                && double.IsNaN(error) ? double.PositiveInfinity : error);
    }

    private static unsafe bool SwitchOff(string symbol)
    {
        if (!NativeLibrary.TryLoad(Library, typeof(ConvolutionCheck).Assembly, null, out var library)
            || !NativeLibrary.TryGetExport(library, Context, out var context)
            || !NativeLibrary.TryGetExport(library, symbol, out var enable))
            return false;
        ((delegate* unmanaged<nint, byte, void>)enable)(((delegate* unmanaged<nint>)context)(), 0);
        return true;
    }
}
