using Afterimage.UpdateFiles;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;

namespace Afterimage.Tests.Federation;

public class UpdateFileTests
{
    private static readonly TensorLayout Layout = new([("conv.weight", [2, 1, 2]), ("bn.weight", [2]), ("bn.bias", [2]),
        ("fc.weight", [3, 2]), ("fc.bias", [3])]);
    private static readonly (string, long[])[] Buffers = [("bn.running_mean", [2]), ("bn.running_var", [2])];
    private static readonly float[] Numbers = [.. Enumerable.Range(1, (int)Layout.Count).Select(i => i / 8f)];

    private static NamedArray[] Arrays(Func<TensorLayout.Entry, string>? name = null) =>
    [
        .. Layout.Entries.Select(entry => NamedArray.Of(name?.Invoke(entry) ?? entry.Name, entry.Shape.ToValueList(),
            Numbers.AsSpan((int)entry.Offset, (int)entry.Count))),
    ];

    private static NamedArray[] Nameless(IEnumerable<NamedArray> arrays) => [.. arrays.Select((array, i) => array.Renamed($"arr_{i}"))];

    /// <summary>A whole state dict, as a Flower client sends it.</summary>
    private static IEnumerable<NamedArray> StateDict(bool counter)
    {
        foreach (var array in Arrays())
        {
            yield return array;
            if (array.Name != "bn.bias")
                continue;
            yield return NamedArray.Of("bn.running_mean", [2], [100f, 101]);
            yield return NamedArray.Of("bn.running_var", [2], [102f, 103]);
            if (counter)
                yield return NamedArray.Of("bn.num_batches_tracked", [], [1L]);
        }
    }

    private static float[] Match(IReadOnlyList<NamedArray> arrays, string ending = ".npz", IEnumerable<(string, long[])>? buffers = null)
    {
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["update" + ending], arrays);
        using var matched = UpdateFile.Read(folder["update" + ending]).Match(Layout, torch.ScalarType.Float32, torch.CPU, buffers);
        return matched.Flat.data<float>().ToArray();
    }

    private static string Fault(IReadOnlyList<NamedArray> arrays, string ending = ".npz")
    {
        var message = Assert.Throws<AfterimageException>(() => Match(arrays, ending, Buffers)).Message;
        Assert.Contains("update" + ending, message);
        return message;
    }

    [Theory]
    [InlineData(".npz")]
    [InlineData(".safetensors")]
    public void Arrays_are_matched_by_name_in_any_order(string ending)
    {
        Assert.Equal(Numbers, Match(Arrays(), ending));
        Assert.Equal(Numbers, Match([.. Arrays().Reverse()], ending));
        Assert.Equal(Numbers, Match(Arrays(entry => "module." + entry.Name), ending));
        Assert.Equal(Numbers, Match(Arrays(entry => "_orig_mod.model." + entry.Name), ending));
        Assert.Equal(Numbers, Match([.. StateDict(counter: true)], ending));
    }

    [Fact]
    public void Arrays_without_names_are_matched_by_position()
    {
        Assert.Equal(Numbers, Match(Nameless(Arrays())));
        Assert.Equal(Numbers, Match(Arrays(entry => "other." + entry.Offset)));
        Assert.Equal(Numbers, Match(Nameless(Arrays()), ".safetensors"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_list_of_a_whole_state_dict_loses_its_BatchNorm_statistics(bool counter)
    {
        var list = Nameless(StateDict(counter));
        Assert.Equal(Numbers, Match(list, buffers: Buffers));
        Assert.Equal(Numbers, Match(list, buffers: [.. Buffers, ("bn.num_batches_tracked", [])]));
        Assert.Contains($"has {list.Length} arrays, the model 5 parameters", Assert.Throws<AfterimageException>(() => Match(list)).Message);
    }

    [Fact]
    public void The_state_dict_of_a_ResNet_is_recognized_without_names()
    {
        var stateDict = ArrayFile.Read(Shared.Path("data", "weights", "cifar10_resnet20.safetensors")).Arrays;
        var parameters = stateDict.Where(array => !array.Name.Contains("running", StringComparison.Ordinal)).ToList();
        var layout = new TensorLayout(parameters.Select(array => (array.Name, array.Shape.ToArray())));
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["update.npz"], Nameless(stateDict));
        using var matched = UpdateFile.Read(folder["update.npz"]).Match(layout, torch.ScalarType.Float32, torch.CPU,
            stateDict.Except(parameters).Select(array => (array.Name, array.Shape.ToArray())));
        Assert.Equal(parameters.SelectMany(array => array.ToSingle()), matched.Flat.data<float>().ToArray());
    }

    [Fact]
    public void Every_mismatch_is_one_sentence()
    {
        Assert.Contains("tensor \"fc.bias\" has shape [5], but the model's parameter \"fc.bias\" has [3]",
            Fault([.. Arrays().Take(4), NamedArray.Of("fc.bias", [5], new float[5])]));
        Assert.Contains("tensor \"arr_0\" has shape [3], but the model's parameter \"conv.weight\" has [2,1,2]",
            Fault(Nameless(Arrays().Reverse())));
        Assert.Contains("missing \"fc.bias\"; unknown \"fc.bais\"",
            Fault([.. Arrays().Take(4), NamedArray.Of("fc.bais", [3], [1f, 2, 3])]));
        Assert.Contains("unknown \"head.bias\"", Fault([.. Arrays(), NamedArray.Of("head.bias", [1], [1f])]));
        Assert.Contains("no arr_1", Fault([.. Nameless(Arrays()).Where(array => array.Name != "arr_1")]));
        Assert.Contains("has 3 arrays, the model 5 parameters", Fault(Nameless([Arrays()[0], Arrays()[1], Arrays()[3]])));
        Assert.Contains("missing", Fault(Arrays(entry => "other." + entry.Offset), ".safetensors"));
        Assert.Contains("multiply the integers by their scale", Fault([.. Arrays().Take(4), NamedArray.Of("fc.bias", [3], [1L, 2, 3])]));
        Assert.Contains("BatchNorm running statistics seem to be exported too",
            Fault([.. Nameless(Arrays().Append(NamedArray.Of("x", [], [1L])))]));
        Assert.Contains("holds no arrays", Fault([]));
    }

    [Theory]
    [InlineData(".npz", false)]
    [InlineData(".npz", true)]
    [InlineData(".safetensors", false)]
    public void What_a_client_did_not_send_is_zero_and_named(string ending, bool nameless)
    {
        using var folder = new TemporaryFolder();
        foreach (var sent in (int[][])[[3, 4], [0], [0, 1, 2, 3], [1, 2, 4]])
        {
            var arrays = sent.Select(i => Arrays()[i]).ToArray();
            ArrayFile.Write(folder["update" + ending], nameless ? Nameless(arrays) : arrays);
            var file = UpdateFile.Read(folder["update" + ending]);
            var unsent = Enumerable.Range(0, 5).Except(sent).Select(i => Layout.Entries[i]).ToList();
            Assert.Equal(unsent.Select(entry => entry.Name), file.Unsent(Layout));
            using var matched = file.Match(Layout, torch.ScalarType.Float32, torch.CPU);
            var expected = Numbers.ToArray();
            foreach (var entry in unsent)
                expected.AsSpan((int)entry.Offset, (int)entry.Count).Clear();
            Assert.Equal(expected, matched.Flat.data<float>().ToArray());
        }
    }

    [Fact]
    public void Values_that_say_nothing_are_refused()
    {
        Assert.Contains("tensor \"fc.bias\" has 2 of 3 values that are not finite",
            Fault([.. Arrays().Take(4), NamedArray.Of("fc.bias", [3], [1f, float.NaN, float.NegativeInfinity])]));
        Assert.Contains("a zero update holds no information",
            Fault([.. Layout.Entries.Select(entry => NamedArray.Of(entry.Name, entry.Shape.ToValueList(), new float[entry.Count]))]));
    }

    [Theory]
    [InlineData("u.npz", false, torch.ScalarType.Float64)]
    [InlineData("u.npz", true, torch.ScalarType.Float32)]
    [InlineData("u.safetensors", false, torch.ScalarType.Float32)]
    public void What_is_written_is_read(string name, bool nameless, torch.ScalarType type)
    {
        using var folder = new TemporaryFolder();
        using var update = new GradientSet(Layout, torch.tensor(Numbers).to(type) / 3);
        var training = new FedAvg { Epochs = 2, BatchSize = 3, LearningRate = 0.05 };
        var description = new UpdateDescription { Training = training, BatchSize = 6, Classes = 3 };
        UpdateFile.Write(folder[name], update, description, nameless);
        var read = UpdateFile.Read(folder[name]);
        Assert.Equal(description, read.Description);
        using var matched = read.Match(Layout, type, torch.CPU);
        Assert.Equal(0, (matched.Flat - update.Flat).abs().max().ToDouble());
    }

    [Fact]
    public void The_side_car_may_lie_elsewhere_and_may_be_missing()
    {
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["u.npz"], Arrays());
        Assert.Null(UpdateFile.Read(folder["u.npz"]).Description);
        var sidecar = folder.Write("elsewhere.json", """{ "batchSize": 4 }""");
        Assert.Equal(4, UpdateFile.Read(folder["u.npz"], sidecar).Description?.BatchSize);
        Assert.Contains("none.json",
            Assert.Throws<AfterimageException>(() => UpdateFile.Read(folder["u.npz"], folder["none.json"])).Message);
    }

    [Fact]
    public void LoRA_factors_find_those_of_a_PEFT_model_and_are_named_where_there_are_none()
    {
        var peft = new TensorLayout([("base_model.model.fc.lora_A.default.weight", [1, 2]),
            ("base_model.model.fc.lora_B.default.weight", [3, 1])]);
        NamedArray[] adapter = [NamedArray.Of("base_model.model.fc.lora_B.weight", [3, 1], [3f, 4, 5]),
            NamedArray.Of("base_model.model.fc.lora_A.weight", [1, 2], [1f, 2])];
        using var folder = new TemporaryFolder();
        ArrayFile.Write(folder["adapter_model.safetensors"], adapter);
        var file = UpdateFile.Read(folder["adapter_model.safetensors"]);
        using var matched = file.Match(peft, torch.ScalarType.Float32, torch.CPU);
        Assert.Equal([1f, 2, 3, 4, 5], matched.Flat.data<float>().ToArray());
        Refusal.Says("LoRA factors (\"base_model.model.fc.lora_", () => file.Match(Layout, torch.ScalarType.Float32, torch.CPU));
    }
}
