using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

public class ProbeTests
{
    public static TheoryData<string> Problems() => new(Shared.Names("problems/pytorch", "*"));

    [Theory, MemberData(nameof(Problems))]
    public void Opens(string name)
    {
        using var _ = NewDisposeScope();
        var file = new TorchScriptFile(Shared.Path("problems", "pytorch", name, "model.pt"));
        using var model = file.Open(new(3, 32, 32), 10, new RandomSource(1), ScalarType.Float32, CPU);
        Console.WriteLine($"{name} {model.GetType().Name} {string.Join(" ", model.Notes)} {model.Layout.Entries[0].Name} {model.Layout.Entries.Count}");
    }

    [Fact]
    public void Mismatch()
    {
        using var _ = NewDisposeScope();
        var file = new TorchScriptFile(Shared.Path("problems", "pytorch", "lenet-b1-0", "model.pt"));
        foreach (var shape in new[] { new ImageShape(1, 28, 28), new(3, 64, 64) })
        {
            var error = Assert.Throws<AfterimageException>(() => file.Open(shape, 10, new RandomSource(1), ScalarType.Float32, CPU));
            Console.WriteLine(error.Message);
        }
        Console.WriteLine(Assert.Throws<AfterimageException>(() => file.Open(new(3, 32, 32), 100, new RandomSource(1), ScalarType.Float32, CPU)).Message);
        var bytes = File.ReadAllBytes(file.Path);
        var module = jit.load<Tensor, Tensor>(bytes, CPU);
        foreach (var shape in new long[][] { [1, 1, 28, 28], [1, 3, 64, 64], [3, 32, 32], [7] })
            try { module.forward(zeros(shape)); Console.WriteLine("no error"); }
            catch (Exception error) { Console.WriteLine($"{error.GetType()} {error.Message}"); }
        foreach (var (n, m) in module.named_modules()) Console.WriteLine($"<{n}> {m.GetType()}");
        try { jit.load<Tensor, Tensor>(bytes[..5000], CPU); } catch (Exception error) { Console.WriteLine($"{error.GetType()} {error.Message}"); }
        try { jit.load<Tensor, Tensor>(new byte[5000], CPU); } catch (Exception error) { Console.WriteLine($"{error.GetType()} {error.Message}"); }
    }
}
