using System.Text.Json;
using Afterimage.UpdateFiles;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;

namespace Afterimage.Tests.Federation;

/// <summary>What a PyTorch client would hand over (problems/pytorch/NAME), with the truth for judging.</summary>
/// <param name="Layout">Names in the client's parameter order, shapes from the update.</param>
/// <param name="Images">The truth: float [B,C,H,W] in [0,1].</param>
internal sealed record PytorchProblem(string Name, string ModelPath, UpdateFile Update, UpdateDescription Description, TensorLayout Layout,
    NamedArray Images, ValueList<int> Labels)
{
    private const string Folder = "problems/pytorch";

    public static IEnumerable<TheoryDataRow<string>> Names => Shared.Names(Folder, "*").Select(name => new TheoryDataRow<string>(name));

    /// <summary>Skips the calling test where the problem is absent.</summary>
    public static PytorchProblem Load(string name)
    {
        var folder = Shared.Path("problems", "pytorch", name);
        using var about = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "about.json")));
        var root = about.RootElement;
        var update = UpdateFile.Read(Path.Combine(folder, "update.npz"));
        var truth = ArrayFile.Read(Path.Combine(folder, "truth.npz"));
        var order = root.GetProperty("parameter_order").EnumerateArray().Select(item => item.GetString()!).ToList();
        var nameless = root.GetProperty("arrays").GetString()!.StartsWith("by position", StringComparison.Ordinal);
        var layout = new TensorLayout(order.Select((parameter, i) =>
            (parameter, (nameless ? update.Content.Arrays[i] : update.Content[parameter]).Shape.ToArray())));
        var input = Integers(root.GetProperty("input"));
        var local = root.GetProperty("local_training");
        var mode = root.GetProperty("mode").GetString() == "eval" ? ModelMode.Eval : ModelMode.Train;
        var description = new UpdateDescription
        {
            Input = new(input[0], input[1], input[2]),
            Classes = root.GetProperty("classes").GetInt32(),
            BatchSize = root.GetProperty("batch_size").GetInt32(),
            Normalization = new(Numbers(root.GetProperty("mean")), Numbers(root.GetProperty("std"))),
            Training = root.GetProperty("update").GetString() == "gradient" ? new FedSgd { Mode = mode } : new FedAvg
            {
                Mode = mode,
                Epochs = local.GetProperty("epochs").GetInt32(),
                BatchSize = local.GetProperty("batch_size").GetInt32(),
                LearningRate = local.GetProperty("learning_rate").GetDouble(),
            },
        };
        return new(name, Path.Combine(folder, "model.pt"), update, description, layout, truth["images"],
            truth["labels"].ToInt64().Select(label => (int)label).ToValueList());
    }

    public GradientSet Gradient(torch.ScalarType type) => Update.Match(Layout, type, torch.CPU);

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetInt32())];

    private static ValueList<double> Numbers(JsonElement list) => list.EnumerateArray().Select(item => item.GetDouble()).ToValueList();
}
