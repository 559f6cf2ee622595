using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays;

public class WeightsTests
{
    private static readonly (string, long[])[] Model = [("fc.weight", [2, 3]), ("fc.bias", [2]), ("bn.running_mean", [2])];

    [Fact]
    public void Wrappers_and_step_counters_are_overlooked()
    {
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["w.npz"],
        [
            NamedArray.Of("_orig_mod.module.bn.num_batches_tracked", [], [5L]), NamedArray.Of("_orig_mod.module.fc.bias", [2], [7f, 8]),
            NamedArray.Of("_orig_mod.module.fc.weight", [2, 3], new float[6]), NamedArray.Of("_orig_mod.module.bn.running_mean", [2], new float[2]),
        ]);
        var weights = Weights.Load(folder["w.npz"], Model);
        Assert.Equal(Model.Select(entry => entry.Item1).Order(), weights.Keys.Order());
        Assert.Equal([7f, 8], weights["fc.bias"].ToSingle());
    }

    [Fact]
    public void Every_fault_is_named_at_once()
    {
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["w.safetensors"],
            [NamedArray.Of("fc.weight", [5, 3], new float[15]), NamedArray.Of("fc.bias", [2], new float[2]), NamedArray.Of("head.bias", [1], new float[1])]);
        var message = Assert.Throws<AfterimageException>(() => Weights.Load(folder["w.safetensors"], Model)).Message;
        Assert.Contains("\"fc.weight\" has shape [5,3] where the model has [2,3]", message);
        Assert.Contains("\"bn.running_mean\" [2] is missing", message);
        Assert.Contains("\"head.bias\" [1] is not in the model", message);
    }

    [Fact]
    public void Trained_networks_load()
    {
        var path = Shared.Path("data", "weights", "cifar10_resnet20.safetensors");
        var arrays = ArrayFile.Read(path).Arrays;
        var weights = Weights.Load(path, arrays.Select(array => (array.Name, array.Shape.ToArray())));
        Assert.Equal(97, weights.Count);
        using var tensor = weights["conv1.weight"].ToTensor(TorchSharp.torch.ScalarType.Float64, TorchSharp.torch.CPU);
        Assert.Equal([16, 3, 3, 3], tensor.shape);
        Assert.Equal(weights["conv1.weight"].ToDouble().Sum(), tensor.sum().item<double>(), 1e-9);
    }
}
