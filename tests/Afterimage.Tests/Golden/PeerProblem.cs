using System.Text.Json;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Golden;

/// <summary>A network, its gradient and the batch behind it, taken from a run of a published attack.</summary>
internal sealed class PeerProblem : IDisposable
{
    private readonly JsonDocument about;
    private readonly ArrayFile arrays;

    public PeerProblem(string name)
    {
        about = JsonDocument.Parse(File.ReadAllText(Shared.Path("problems", "peers", name + ".json")));
        arrays = ArrayFile.Read(Shared.Path("problems", "peers", name + ".npz"));
    }

    public static TheoryData<string> Names =>
        [.. Shared.Names("problems/peers", "*.npz").Select(name => Path.GetFileNameWithoutExtension(name))];

    public string Loss => about.RootElement.GetProperty("loss").GetString()!;

    public int Classes => about.RootElement.GetProperty("num_classes").GetInt32();

    /// <summary>BatchNorm's mode while the gradient was taken.</summary>
    public ModelMode Mode =>
        Ops.Any(op => op.TryGetProperty("mode", out var mode) && mode.GetString() != "eval") ? ModelMode.Train : ModelMode.Eval;

    private IEnumerable<JsonElement> Ops => about.RootElement.GetProperty("ops").EnumerateArray();

    public NetworkModel Model(ScalarType type)
    {
        var root = about.RootElement;
        var shape = root.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        var network = new Network(new(shape[0], shape[1], shape[2]), Classes, Ops.Select(Layer).ToValueList());
        var parameters = Strings("params").Select((name, i) => (name, arrays[$"param_{i:d3}"].ToTensor(type, CPU))).ToDictionary();
        var buffers = Strings("buffers").Select((name, i) => (name, arrays[$"buffer_{i:d3}"].ToTensor(type, CPU))).ToDictionary();
        return new(network, new(Doubles("mean"), Doubles("std")), [.. network.Parameters.Select(spec => parameters[spec.Name])], buffers);
    }

    public GradientSet Update(TensorLayout layout, ScalarType type)
    {
        var gradients = Strings("params").Select((name, i) => (name, arrays[$"grad_{i:d3}"].ToTensor(type, CPU))).ToDictionary();
        return GradientSet.Gather(layout, [.. layout.Entries.Select(entry => gradients[entry.Name])]);
    }

    public (Tensor Images, Tensor Targets) Truth(ScalarType type)
    {
        if (Loss == "logistic_mean")
            return (arrays["gt"].ToTensor(type, CPU), 2 * arrays["labels"].ToTensor(type, CPU).gt(0).to(type).view(-1, 1) - 1);
        var soft = arrays.Arrays.FirstOrDefault(array => array.Name == "soft_labels");
        return (arrays["gt"].ToTensor(type, CPU), soft?.ToTensor(type, CPU)
            ?? new Labels(arrays["labels"].ToInt64().Select(label => (int)label).ToValueList(), []).Targets(Classes, type, CPU));
    }

    private List<string> Strings(string key) => [.. about.RootElement.GetProperty(key).EnumerateArray().Select(name => name.GetString()!)];

    private ValueList<double> Doubles(string key) =>
        about.RootElement.GetProperty(key).EnumerateArray().Select(item => item.GetDouble()).ToValueList();

    private static Layer Layer(JsonElement op) => op.GetProperty("op").GetString() switch
    {
        "conv2d" => new Conv2d(Owner(op), Int(op, "inc"), Int(op, "outc"), op.GetProperty("kernel")[0].GetInt32(),
            op.GetProperty("stride")[0].GetInt32(), op.GetProperty("padding")[0].GetInt32(), Bias: HasBias(op)),
        "linear" => new Linear(Owner(op), Int(op, "inf"), Int(op, "outf"), HasBias(op)),
        "batchnorm2d" => new BatchNorm2d(Owner(op), Int(op, "c"), op.GetProperty("eps").GetDouble()),
        "maxpool2d" => new MaxPool2d(Int(op, "kernel"), Int(op, "stride")),
        "flatten" => new Flatten(),
        "relu" => new Activation(ActivationKind.ReLU),
        "sigmoid" => new Activation(ActivationKind.Sigmoid),
        "leakyrelu" => new Activation(ActivationKind.LeakyReLU, op.GetProperty("slope").GetDouble()),
        var other => throw new InvalidOperationException($"no layer for {other}"),
    };

    private static string Owner(JsonElement op) => op.GetProperty("weight").GetString()![..^".weight".Length];

    private static bool HasBias(JsonElement op) => op.GetProperty("bias").ValueKind != JsonValueKind.Null;

    private static int Int(JsonElement op, string name) => op.GetProperty(name).GetInt32();

    public void Dispose() => about.Dispose();
}
