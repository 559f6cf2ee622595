using System.IO.Compression;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

public sealed class TorchScriptFileTests : IDisposable
{
    private static readonly ImageShape Small = SmallScript.Input;
    private readonly TemporaryFolder folder = new();

    private TorchScriptFile Save(string body, int features, string registered = "conv, head") =>
        SmallScript.Save(folder, body, features, registered);

    private static VictimModel Open(TorchScriptFile file, ScalarType type = ScalarType.Float32) => file.Open(Small, 4, new(5), type, CPU);

    [Theory]
    [InlineData("torch.relu(x)")]
    [InlineData("torch.relu_(x)")]
    [InlineData("torch.leaky_relu(x, 0.20000000000000001)")]
    [InlineData("torch.sigmoid(x)")]
    [InlineData("torch.tanh(x)")]
    [InlineData("torch.gelu(x)")]
    [InlineData("torch.silu(x)")]
    [InlineData("torch.softplus(x)")]
    [InlineData("torch.dropout(x, 0.5, False)")]
    [InlineData("torch.contiguous(x)")]
    [InlineData("torch.add_(torch.sigmoid(x), x, alpha=1)")]
    [InlineData("torch.add(x, torch.tanh(torch.sigmoid(x)))")]
    [InlineData("torch.max_pool2d(x, [3, 3], [1, 1], [1, 1], [1, 1], False)")]
    [InlineData("torch.avg_pool2d(x, [3, 3], [1, 1], [1, 1], False, True, None)")]
    [InlineData("torch.adaptive_avg_pool2d(x, [6, 6])")]
    public void KnownOperationsBecomeLayers(string operation)
    {
        using var model = Open(Save($"y = torch.flatten({operation}, 1)", 108));
        Assert.IsType<NetworkModel>(model);
        Assert.Equal(["conv.weight", "conv.bias", "head.weight", "head.bias"], model.Layout.Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void DropoutIsReadWithItsRate()
    {
        using var model = Open(Save("y = torch.flatten(torch.dropout(x, 0.25, False), 1)", 108));
        var (dropout, shape) = Assert.Single(model.Network!.Dropouts);
        Assert.Equal(0.25, dropout.Rate);
        Assert.Equal([3, 6, 6], shape);
        Assert.Contains("dropout", Assert.Single(model.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_1 = ops.prim.NumToTensor(torch.size(x, 0))\n_2 = int(_1)\ny = torch.view(x, [_2, -1])", 108)]
    [InlineData("y = torch.reshape(x, [-1, 108])", 108)]
    [InlineData("z = torch.max_pool2d(x, [2, 2], annotate(List[int], []), [0, 0], [1, 1], False)\n" +
        "y = torch.reshape(z, [torch.size(x)[0], 27])", 27)]
    [InlineData("y = torch.mean(torch.relu(x), [2, 3])", 3)]
    [InlineData("y = torch.flatten(torch.mean(x, [-1, -2], True), 1, 3)", 3)]
    [InlineData("y = torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1)", 3)]
    [InlineData("if self.down:\n  z = torch.avg_pool2d(x, [2, 2])\nelse:\n  z = torch.cat([x, x])\ny = torch.flatten(z, 1)", 27)]
    [InlineData("z = torch.slice(torch.slice(torch.slice(torch.slice(x), 1), 2, None, None, 2), 3, None, None, 2)\n" +
        "y = torch.flatten(torch.pad(z, [0, 0, 0, 0, self.pad, self.pad]), 1)", 63)]
    [InlineData("n = 0\nz = x\nfor i in range(3):\n  n0 = torch.add(n, i)\n  n = n0\nif torch.eq(n, 3):\n  pass\nelse:\n" +
        "  ops.prim.RaiseException(\"no\", \"builtins.ValueError\")\ny = torch.flatten(z, 1)", 108)]
    [InlineData("n = 0\nwhile torch.lt(n, 2):\n  n = torch.add(n, 1)\nif torch.eq(n, 2):\n  pass\nelse:\n" +
        "  ops.prim.RaiseException(\"no\", \"builtins.ValueError\")\ny = torch.flatten(x, 1)", 108)]
    public void ShapesAndControlFlowAreComputed(string body, int features)
    {
        using var model = Open(Save(body, features));
        Assert.True(model is NetworkModel, string.Join(" ", model.Notes));
    }

    /// <summary>What opens as layers has given libtorch's own logits.</summary>
    [Theory]
    [InlineData("y = torch.flatten(torch.cat([x, torch.relu(x)], 1), 1)", 216, typeof(Concatenation))]
    [InlineData("r = torch.relu(x)\na = torch.cat([x, r], 1)\nc = torch.sigmoid(a)\ny = torch.flatten(torch.cat([x, r, c], 1), 1)", 432,
        typeof(Concatenation))]
    [InlineData("s = torch.sigmoid(torch.adaptive_avg_pool2d(x, [1, 1]))\ny = torch.flatten(torch.mul(x, s), 1)", 108, typeof(Scaled))]
    [InlineData("y = torch.flatten(torch.hardswish(torch.hardtanh(x, 0., 6.)), 1)", 108, typeof(Activation))]
    [InlineData("y = torch.flatten(torch.hardsigmoid(torch.elu(x)), 1)", 108, typeof(Activation))]
    [InlineData("y = torch.flatten(torch.adaptive_avg_pool2d(x, [7, 4]), 1)", 84, typeof(AdaptiveAvgPool2d))]
    public void LayersOfTorchvisionsNetworksAreKnown(string body, int features, Type layer)
    {
        using var _ = NewDisposeScope();
        var model = Open(Save(body, features));
        Assert.True(model is NetworkModel, string.Join(" ", model.Notes));
        Assert.Contains(model.Network!.Layers, found => found.GetType() == layer);
        var gradient = new FedSgd().Linearize(model, new(rand(2, 2, 6, 6), eye(4)[TensorIndex.Slice(0, 2)])).Value.Flat;
        Assert.True(gradient.isfinite().all().item<bool>() && gradient.norm().ToDouble() > 0);
    }

    [Theory]
    [InlineData("y = torch.flatten(torch.mul(x, x), 1)", "multiplies a value by itself")]
    [InlineData("y = torch.flatten(torch.softplus(x, 2), 1)", "softplus is not a layer")]
    [InlineData("y = torch.flatten(torch.hardtanh(x, -1., 1.), 1)", "hardtanh is not a layer")]
    [InlineData("if bool(torch.gt(torch.sum(x), 0)):\n  z = x\nelse:\n  z = torch.relu(x)\ny = torch.flatten(z, 1)", "sum is not a layer")]
    [InlineData("y = torch.flatten(torch.add(x, x), 1)", "adds a value to itself")]
    [InlineData("y = torch.flatten(torch.conv2d(torch.slice(x, 1, 0, 2), weight, bias, [1, 1], [1, 1]), 1)", "a slice")]
    [InlineData("y = torch.reshape(torch.transpose(x, 1, 2), [-1, 108])", "a linear layer works on something other than the channels")]
    public void OtherOperationsStayAScriptThatSaysWhy(string body, string reason)
    {
        using var _ = NewDisposeScope();
        var model = Open(Save(body, 108));
        Assert.IsType<ScriptModel>(model);
        Assert.Contains(reason, Assert.Single(model.Notes), StringComparison.Ordinal);
        var (images, targets) = (rand(2, 2, 6, 6), eye(4)[TensorIndex.Slice(0, 2)]);
        var gradient = new FedSgd().Linearize(model, new(images, targets)).Value.Flat;
        Assert.True(gradient.norm().ToDouble() > 0);
        // One full-batch step of federated averaging is a scaled gradient: other parameters can be lent to a script.
        var step = new FedAvg { Epochs = 1, BatchSize = 2, LearningRate = 0.5 }.Linearize(model, new(images, targets)).Value.Flat;
        Assert.InRange(((step + 0.5 * gradient).norm() / gradient.norm()).ToDouble(), 0, 1e-6);
        var further = new FedAvg { Epochs = 3, BatchSize = 1, LearningRate = 1e-3 }.Linearize(model, new(images, targets)).Value.Flat;
        Assert.True(further.isfinite().all().item<bool>());
    }

    [Fact]
    public void AWeightUsedTwiceStaysAScript()
    {
        using var model = Open(Save("""
            again = self.again
            weight1 = again.weight
            bias1 = again.bias
            z = torch.conv2d(torch.relu(x), weight1, bias1, [1, 1], [1, 1])
            y = torch.flatten(torch.conv2d(torch.relu(z), weight1, bias1, [1, 1], [1, 1]), 1)
            """, 108, "conv, again, head"));
        Assert.Contains("used twice", Assert.Single(model.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnusedParameterStaysAScriptWithZeroGradient()
    {
        using var _ = NewDisposeScope();
        var model = Open(Save("y = torch.flatten(x, 1)", 108, "conv, idle, head"));
        Assert.IsType<ScriptModel>(model);
        using var value = new FedSgd().Linearize(model, new(rand(1, 2, 6, 6), eye(4)[TensorIndex.Slice(0, 1)])).Value;
        Assert.Equal(0, value[value.Layout.IndexOf("idle.weight")].abs().sum().ToDouble());
    }

    [Fact]
    public void KeepsTheFilesOrderOfParameters()
    {
        using var _ = NewDisposeScope();
        var file = Save("y = torch.flatten(torch.relu(x), 1)", 108, "head, conv");
        var model = Open(file);
        Assert.IsType<NetworkModel>(model);
        Assert.Equal(["head.weight", "head.bias", "conv.weight", "conv.bias"], model.Layout.Entries.Select(entry => entry.Name));
        AssertSameOperator(model, file.OpenScript(Small, 4, ScalarType.Float32, CPU),
            new FedAvg { Epochs = 2, BatchSize = 1, LearningRate = 0.1 });
    }

    [Theory]
    [InlineData(ModelMode.Eval)]
    [InlineData(ModelMode.Train)]
    public void NetworkAndScriptAgreeAndLeaveNoTrace(ModelMode mode)
    {
        using var _ = NewDisposeScope();
        var file = Save("norm = self.norm\nz = (norm).forward(x, )\ny = torch.flatten(torch.sigmoid(z), 1)", 108, "conv, norm, head");
        var (network, script) = (Open(file, ScalarType.Float64), file.OpenScript(Small, 4, ScalarType.Float64, CPU));
        Assert.IsType<NetworkModel>(network);
        var before = Snapshot(network).Concat(Snapshot(script)).ToList();
        AssertSameOperator(network, script, new FedSgd { Mode = mode });
        AssertSameOperator(network, script, new FedAvg { Mode = mode, Epochs = 2, BatchSize = 2, LearningRate = 0.1 });
        AssertSameOperator(network, script.To(ScalarType.Float64, CPU), new FedSgd { Mode = mode });
        foreach (var (was, now) in before.Zip(Snapshot(network).Concat(Snapshot(script))))
            Assert.Equal(was, now);
    }

    private static void AssertSameOperator(VictimModel first, VictimModel second, LocalTraining training)
    {
        using var generator = new RandomSource(9).Generator(CPU);
        var images = rand([4, 2, 6, 6], ScalarType.Float32, CPU, generator: generator).to(first.Type);
        var targets = eye(4, dtype: first.Type);
        var (a, b) = (training.Linearize(first, new(images, targets)), training.Linearize(second, new(images, targets)));
        AssertClose(a.Value.Flat, b.Value.Flat);
        AssertClose(a.Pullback(b.Value).Inputs, b.Pullback(b.Value).Inputs);
        AssertClose(a.Pushforward(images).Flat, b.Pushforward(images).Flat);
    }

    private static void AssertClose(Tensor found, Tensor expected) =>
        Assert.InRange(((found - expected).norm() / expected.norm()).ToDouble(), 0, expected.dtype == ScalarType.Float64 ? 1e-12 : 1e-5);

    private static IEnumerable<byte[]> Snapshot(VictimModel model) =>
        model.Parameters.Concat(model.Buffers.OrderBy(pair => pair.Key).Select(pair => pair.Value))
            .Select(tensor => tensor.detach().bytes.ToArray()).ToList();

    [Fact]
    public void ImagesAndClassesOfAnotherShapeAreSaidInASentence()
    {
        var file = Save("y = torch.flatten(torch.relu(x), 1)", 108);
        string Message(ImageShape input, int classes) =>
            Assert.Throws<AfterimageException>(() => file.Open(input, classes, new(1), ScalarType.Float32, CPU)).Message;
        Assert.Equal($"{file.Path} does not take images of 3x6x6: give the shape of one of its images (The convolution conv takes " +
            "2 channels, but 3 reach it).", Message(new(3, 6, 6), 4));
        Assert.StartsWith($"{file.Path} does not take images of 2x8x8", Message(new(2, 8, 8), 4), StringComparison.Ordinal);
        Assert.Contains("The linear layer head takes 108 features, but what reaches it has shape [192]", Message(new(2, 8, 8), 4),
            StringComparison.Ordinal);
        Assert.Contains("not in 7 classes", Message(Small, 7), StringComparison.Ordinal);

        file = Save("y = torch.flatten(torch.mul(x, x), 1)", 108);
        Assert.Contains("shapes cannot be multiplied", Message(new(2, 8, 8), 4), StringComparison.Ordinal);
        Assert.Contains("to shape [1,4], not to [1,7]", Message(Small, 7), StringComparison.Ordinal);
    }

    [Fact]
    public void StoredWeightsReplaceTheFilesOwn()
    {
        using var _ = NewDisposeScope();
        var file = Save("y = torch.flatten(torch.relu(x), 1)", 108);
        var own = Open(file);
        ArrayFile.Write(folder["w.safetensors"], [.. own.Layout.Entries.Zip(own.Parameters)
            .Select(pair => NamedArray.Of(pair.First.Name, 2 * pair.Second.detach()))]);
        var other = Open(file with { Weights = folder["w.safetensors"] });
        foreach (var (a, b) in own.Parameters.Zip(other.Parameters))
            Assert.True((2 * a).eq(b).all().item<bool>());
    }

    public static TheoryData<string, byte[], string> OtherFiles => new()
    {
        { "empty", [], "is an empty .pt file" },
        {
            "pickle", [0x80, 2, (byte)'}', (byte)'.'],
            "is a state dict or a pickled model, not TorchScript: export the model with torch.jit.script(model).save(path)"
        },
        { "state dict", Zip(("m/data.pkl", [0x80, 2, (byte)'}', (byte)'.'])), "is a state dict or a pickled model, not TorchScript" },
        { "no data", Zip(("m/readme.txt", [1])), "is a zip without a data.pkl" },
        { "damaged pickle", Zip(("m/data.pkl", [0x80, 2, (byte)'h', 9]), ("m/code/__torch__.py", [])), "its data.pkl is damaged" },
        { "strange pickle", Zip(("m/data.pkl", [0x80, 2, (byte)'i', 9]), ("m/code/__torch__.py", [])), "pickle opcode 0x69" },
        { "truncated", Zip(("m/data.pkl", new byte[500]), ("m/code/__torch__.py", new byte[500]))[..700], "damaged or truncated zip" },
        { "safetensors", [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "is a safetensors file of weights without a model" },
        { "text", "hello"u8.ToArray(), "is not a zip, not TorchScript" },
    };

    [Theory, MemberData(nameof(OtherFiles))]
    public void OtherFilesNeverReachLibtorch(string name, byte[] bytes, string sentence)
    {
        var file = new TorchScriptFile(folder.Write($"{name}.pt", bytes));
        Refusal.Says(sentence, () => Open(file));
    }

    [Fact]
    public void AMissingFileIsSaidInASentence() =>
        Refusal.Says("does not exist", () => Open(new(folder["nowhere.pt"])));

    [Fact]
    public void EndlessNestingInTheCodeIsSaidInASentence()
    {
        var file = Save($"y = torch.flatten({new string('-', 1_000_000)}x, 1)", 108);
        Assert.Contains("nested too deeply", Assert.Throws<AfterimageException>(() => Open(file)).Message, StringComparison.Ordinal);
    }

    internal static byte[] Zip(params (string Name, byte[] Bytes)[] entries)
    {
        using var content = new MemoryStream();
        using (var zip = new ZipArchive(content, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in entries)
                ScriptArchiveWriter.Entry(zip, name, bytes);
        return content.ToArray();
    }

    public void Dispose() => folder.Dispose();
}
