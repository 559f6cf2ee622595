namespace Afterimage.Tests;
public class Smoke { static Smoke() => System.Runtime.CompilerServices.RuntimeHelpers.RunModuleConstructor(typeof(Numerics.NativeRuntime).Module.ModuleHandle); [Fact] public void Torch_answers() => Assert.Equal(6, TorchSharp.torch.tensor(new[] { 1, 2, 3 }).sum().item<long>()); }
