using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Afterimage.Numerics;

[assembly: Afterimage.Tests.Seeded]
[assembly: Xunit.CollectionBehavior(Xunit.CollectionBehavior.CollectionPerAssembly)]

namespace Afterimage.Tests;

internal static class TestAssembly
{
    /// <summary>Tests may touch libtorch before any type of the library: its module initializer must have run, and
    /// convolutions that this processor gets wrong must be replaced.</summary>
    [ModuleInitializer]
    internal static void Start()
    {
        // MKL orders its sums by the alignment of memory otherwise, so that two evaluations of one batch differ.
        if (OperatingSystem.IsLinux())
            _ = SetVariable("MKL_CBWR", "COMPATIBLE", 0);
        RuntimeHelpers.RunModuleConstructor(typeof(NativeRuntime).Module.ModuleHandle);
        TorchSharp.torch.set_num_threads(1);
        _ = ConvolutionCheck.Note;
    }

    /// <summary>Native libraries do not see what .NET sets.</summary>
    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable(string name, string value, int overwrite);
}
