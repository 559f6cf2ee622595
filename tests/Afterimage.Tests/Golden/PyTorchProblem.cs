using System.Text.Json;
using Afterimage.UpdateFiles;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Golden;

/// <summary>A model, an update and the batch behind it, all made by PyTorch.</summary>
internal sealed class PyTorchProblem
{
    private readonly string folder;

    /// <param name="name">Of the problem.</param>
    /// <param name="set">The folder of problems.</param>
    public PyTorchProblem(string name, string set = "pytorch")
    {
        folder = Shared.Path("problems", set, name);
        using var about = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "about.json")));
        var root = about.RootElement;
        var input = root.GetProperty("input").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        Input = new(input[0], input[1], input[2]);
        Classes = root.GetProperty("classes").GetInt32();
        Normalization = new(Doubles(root.GetProperty("mean")), Doubles(root.GetProperty("std")));
        Order = root.TryGetProperty("parameter_order", out var order)
            ? [.. order.EnumerateArray().Select(name => name.GetString()!)] : [];
        var training = root.GetProperty("local_training");
        Training = training.ValueKind == JsonValueKind.String ? new FedSgd() : new FedAvg
        {
            Epochs = training.GetProperty("epochs").GetInt32(),
            BatchSize = training.GetProperty("batch_size").GetInt32(),
            LearningRate = training.GetProperty("learning_rate").GetDouble(),
        };
    }

    public static TheoryData<string> Names => [.. Shared.Names("problems/pytorch", "*")];

    public ImageShape Input { get; }

    public int Classes { get; }

    public Normalization Normalization { get; }

    public LocalTraining Training { get; }

    public string[] Order { get; }

    public TorchScriptFile Model => new(Path.Combine(folder, "model.pt")) { Normalization = Normalization };

    public GradientSet Update(TensorLayout layout, ScalarType type) =>
        UpdateFile.Read(Path.Combine(folder, "update.npz")).Match(layout, type, CPU);

    public (Tensor Images, Tensor Targets) Truth(ScalarType type)
    {
        var truth = ArrayFile.Read(Path.Combine(folder, "truth.npz"));
        var labels = truth["labels"].ToInt64().Select(label => (int)label).ToValueList();
        return (truth["images"].ToTensor(type, CPU), new Labels(labels, []).Targets(Classes, type, CPU));
    }

    private static ValueList<double> Doubles(JsonElement list) => list.EnumerateArray().Select(item => item.GetDouble()).ToValueList();
}
