using System.Text.Json;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;

namespace Afterimage.Tests.Federation;

/// <summary>A problem from a run of a published attack (problems/peers/NAME), with the truth for judging.</summary>
/// <param name="Loss">cross_entropy_mean, soft_cross_entropy_mean or logistic_mean.</param>
/// <param name="Parameters">By PyTorch name, in order.</param>
/// <param name="Gradients">Of the mean loss; named and ordered as the parameters.</param>
/// <param name="Buffers">BatchNorm statistics by name.</param>
/// <param name="Images">The truth: float [B,C,H,W] in [0,1].</param>
/// <param name="SoftLabels">Float [B,classes] where the loss is soft.</param>
/// <param name="Mode">Whose statistics BatchNorm used.</param>
internal sealed record PeerProblem(string Name, string Loss, Network Network, Normalization Normalization,
    IReadOnlyList<NamedArray> Parameters, IReadOnlyList<NamedArray> Gradients, IReadOnlyList<NamedArray> Buffers, NamedArray Images,
    ValueList<int> Labels, NamedArray? SoftLabels, ModelMode Mode)
{
    public static IEnumerable<TheoryDataRow<string>> Names =>
        Shared.Names("problems/peers", "*.json").Select(name => new TheoryDataRow<string>(Path.GetFileNameWithoutExtension(name)));

    /// <summary>Skips the calling test where the problem is absent.</summary>
    public static PeerProblem Load(string name)
    {
        using var about = JsonDocument.Parse(File.ReadAllText(Shared.Path("problems", "peers", name + ".json")));
        var root = about.RootElement;
        var file = ArrayFile.Read(Shared.Path("problems", "peers", name + ".npz"));
        var shape = root.GetProperty("shape").EnumerateArray().Select(item => item.GetInt32()).ToArray();
        var parameters = Texts(root.GetProperty("params"));
        var buffers = Texts(root.GetProperty("buffers"));
        var network = new Network(new(shape[0], shape[1], shape[2]), root.GetProperty("num_classes").GetInt32(),
            root.GetProperty("ops").EnumerateArray().Select(Layer).ToValueList());
        return new(name, root.GetProperty("loss").GetString()!, network.Checked(),
            new(Numbers(root.GetProperty("mean")), Numbers(root.GetProperty("std"))),
            [.. parameters.Select((parameter, i) => file[$"param_{i:000}"].Renamed(parameter))],
            [.. parameters.Select((parameter, i) => file[$"grad_{i:000}"].Renamed(parameter))],
            [.. buffers.Select((buffer, i) => file[$"buffer_{i:000}"].Renamed(buffer))],
            file["gt"], file["labels"].ToInt64().Select(label => (int)label).ToValueList(),
            file.Arrays.FirstOrDefault(array => array.Name == "soft_labels"),
            root.GetProperty("ops").EnumerateArray().Any(UsesBatchStatistics) ? ModelMode.Train : ModelMode.Eval);
    }

    /// <summary>The attacked model; the caller owns it.</summary>
    public NetworkModel Model(torch.ScalarType type) => new(Network, Normalization,
        [.. Parameters.Select(parameter => parameter.ToTensor(type, torch.CPU))],
        Buffers.ToDictionary(buffer => buffer.Name, buffer => buffer.ToTensor(type, torch.CPU)));

    /// <summary>The client's gradient; the caller owns it.</summary>
    public GradientSet Gradient(torch.ScalarType type) =>
        GradientSet.Gather(Network.Layout(), [.. Gradients.Select(gradient => gradient.ToTensor(type, torch.CPU))]);

    private static bool UsesBatchStatistics(JsonElement op) => op.TryGetProperty("mode", out var mode) && mode.GetString() != "eval";

    private static Layer Layer(JsonElement op)
    {
        var kind = op.GetProperty("op").GetString();
        return kind switch
        {
            "conv2d" => new Conv2d(Module(op), Integer(op, "inc"), Integer(op, "outc"), Square(op, "kernel"), Square(op, "stride"),
                Square(op, "padding"), Bias: HasBias(op)),
            "linear" => new Linear(Module(op), Integer(op, "inf"), Integer(op, "outf"), HasBias(op)),
            "batchnorm2d" => new BatchNorm2d(Module(op), Integer(op, "c"), op.GetProperty("eps").GetDouble()),
            "maxpool2d" => new MaxPool2d(Square(op, "kernel"), Square(op, "stride")),
            "leakyrelu" => new Activation(ActivationKind.LeakyReLU, op.GetProperty("slope").GetDouble()),
            "relu" => new Activation(ActivationKind.ReLU),
            "sigmoid" => new Activation(ActivationKind.Sigmoid),
            "flatten" => new Flatten(),
            _ => throw new InvalidOperationException($"Unknown layer {kind}."),
        };
    }

    private static string Module(JsonElement op)
    {
        var weight = op.GetProperty("weight").GetString()!;
        return weight[..weight.LastIndexOf('.')];
    }

    private static bool HasBias(JsonElement op) => op.GetProperty("bias").ValueKind == JsonValueKind.String;

    private static int Integer(JsonElement op, string name) => op.GetProperty(name).GetInt32();

    private static int Square(JsonElement op, string name)
    {
        var value = op.GetProperty(name);
        if (value.ValueKind == JsonValueKind.Number)
            return value.GetInt32();
        var extents = value.EnumerateArray().Select(item => item.GetInt32()).ToArray();
        return extents.Distinct().Count() == 1 ? extents[0] : throw new InvalidOperationException($"{name} is not square.");
    }

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];

    private static ValueList<double> Numbers(JsonElement list) => list.EnumerateArray().Select(item => item.GetDouble()).ToValueList();
}
