using System.Runtime.CompilerServices;
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
        RuntimeHelpers.RunModuleConstructor(typeof(NativeRuntime).Module.ModuleHandle);
        TorchSharp.torch.set_num_threads(1);
        _ = ConvolutionCheck.Note;
    }
}
