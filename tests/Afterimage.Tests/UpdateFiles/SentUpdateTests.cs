using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.UpdateFiles;

/// <summary>An update is found out to be weights, a difference or a gradient, and what its statistics say is used.</summary>
public class SentUpdateTests
{
    private static readonly UpdateFacts Nothing = new(null, null, null, null, 4);

    [Theory]
    [InlineData("after.pt")]
    [InlineData("after-legacy.pt")]
    [InlineData("checkpoint.pt")]
    [InlineData("after.npz")]
    [InlineData("after-named.npz")]
    public void Weights_of_a_PyTorch_client_become_a_difference_whatever_the_file(string name)
    {
        using var model = Open("batchnorm-net");
        using var sent = Read(model, "batchnorm-net", name, Nothing);
        Assert.IsType<HiddenTraining>(sent.Sent.Training);
        Assert.Equal(ModelMode.Train, sent.Sent.Training.Mode);
        Assert.Contains("absolute weights, 14.5 %", sent.Sent.Notes[0], StringComparison.Ordinal);
        Assert.Contains(sent.Sent.Notes, note => note.Contains("train mode", StringComparison.Ordinal));
        using var scope = NewDisposeScope();
        var (images, targets) = Truth(model);
        var training = new FedAvg { BatchSize = 4, LearningRate = 0.05, Mode = ModelMode.Train };
        var expected = training.Linearize(model, new(images, targets)).Value;
        var difference = (expected.Flat - sent.Sent.Update.Flat).norm().item<float>() / expected.Norm();
        Assert.True(difference < 1e-3, $"{difference}");
    }

    [Fact]
    public void The_batchs_statistics_follow_from_the_running_ones()
    {
        using var model = Open("batchnorm-net");
        var facts = Nothing with { Training = new FedAvg { BatchSize = 4, LearningRate = 0.05 } };
        using var sent = Read(model, "batchnorm-net", "after.npz", facts);
        using var scope = NewDisposeScope();
        var (images, _) = Truth(model);
        var trace = new Trace();
        model.Logits(images, ModelMode.Train, trace: trace);
        var seen = LayerStatistics.Of(trace);
        Assert.NotNull(sent.Sent.BatchStatistics);
        Assert.NotEmpty(seen.Names);
        foreach (var layer in seen.Names)
        {
            Assert.True(seen[layer].Mean.allclose(sent.Sent.BatchStatistics[layer].Mean, 1e-3, 1e-4));
            Assert.True(seen[layer].Variance.allclose(sent.Sent.BatchStatistics[layer].Variance, 1e-3, 1e-4));
        }
    }

    [Theory]
    [InlineData(0.9, false, 0)]
    [InlineData(0.9, true, 0.5)]
    [InlineData(0, false, 0.5)]
    public void One_step_of_SGD_on_the_whole_batch_is_a_gradient(double momentum, bool nesterov, double decay)
    {
        using var folder = new TemporaryFolder();
        using var model = new LeNet().Open(new(1, 8, 8), 3, new RandomSource(1), ScalarType.Float64, CPU);
        using var scope = NewDisposeScope();
        var batch = new Batch(rand([2, 1, 8, 8], ScalarType.Float64), new Labels([0, 2], default).Targets(3, ScalarType.Float64, CPU));
        var sgd = new Sgd { Momentum = momentum, Nesterov = nesterov, WeightDecay = decay };
        var step = new FedAvg { BatchSize = 2, LearningRate = 0.1, Optimizer = sgd };
        UpdateFile.Write(folder["difference.npz"], step.Linearize(model, batch).Value, null);
        using var sent = new Opened(new(UpdateFile.Read(folder["difference.npz"]), model, Nothing with { Training = step, BatchSize = 2 }));
        Assert.Equal(new FedSgd(), sent.Sent.Training);
        Assert.True(new FedSgd().Linearize(model, batch).Value.Flat.allclose(sent.Sent.Update.Flat, 1e-9, 1e-12));
        using var defended = new Opened(new(UpdateFile.Read(folder["difference.npz"]), model,
            Nothing with { Training = step, BatchSize = 2, IsDefended = true }));
        Assert.Equal(step, defended.Sent.Training);
    }

    [Fact]
    public void Counters_of_before_and_after_tell_the_number_of_steps()
    {
        using var model = Open("batchnorm-net");
        var before = Shared.Path("problems", "clients", "batchnorm-net", "before.pt");
        using var one = Read(model, "batchnorm-net", "after.pt", Nothing with { Before = before });
        Assert.Contains(one.Sent.Notes, note => note.EndsWith("took 1 step", StringComparison.Ordinal));
        Assert.NotNull(one.Sent.BatchStatistics);
        var three = new FedAvg { Epochs = 3, BatchSize = 4, LearningRate = 0.05 };
        using var wrong = Read(model, "batchnorm-net", "after.pt", Nothing with { Before = before, Training = three });
        Assert.Contains(wrong.Sent.Notes, note => note.Contains("the local training makes 3", StringComparison.Ordinal));
    }

    [Fact]
    public void What_was_said_wins_and_what_contradicts_is_refused()
    {
        using var model = Open("flower-net");
        using var taken = Read(model, "flower-net", "after.pt", Nothing with { Content = UpdateContent.Gradient });
        Assert.IsType<FedSgd>(taken.Sent.Training);
        Assert.Empty(taken.Sent.Notes);
        Refusal.Says("exactly the weights before the round", () => Read(model, "flower-net", "before.pt", Nothing));
        var other = Shared.Path("problems", "clients", "flower-net", "after.npz");
        Refusal.Says("other weights than the model", () => Read(model, "flower-net", "after.pt", Nothing with { Before = other }));
        Refusal.Says("said to be a gradient", () =>
            Read(model, "flower-net", "after.pt", Nothing with { Content = UpdateContent.Gradient, Training = new FedAvg() }));
    }

    [Fact]
    public void Half_precision_weights_leave_their_rounding_in_the_difference()
    {
        using var folder = new TemporaryFolder();
        using var model = Open("flower-net");
        var after = ArrayFile.Read(Shared.Path("problems", "clients", "flower-net", "after-named.npz"));
        ArrayFile.Write(folder["half.safetensors"], [.. after.Arrays.Select(NamedArray.Halved)]);
        using var exact = Read(model, "flower-net", "after-named.npz", Nothing);
        using var half = new Opened(new(UpdateFile.Read(folder["half.safetensors"]), model, Nothing));
        Assert.Same(Channel.None, exact.Sent.Channel);
        Assert.Equal("as weights of float16 show it", half.Sent.Channel.Description);
        using var scope = NewDisposeScope();
        var error = (half.Sent.Update.Flat - exact.Sent.Update.Flat).norm().item<float>() / half.Sent.Update.Norm();
        Assert.InRange(half.Sent.Channel.Floor(half.Sent.Update), 0.8 * error, 1.25 * error);
    }

    /// <summary>As a client makes it that sends what its optimizer saw and its buffers as they are.</summary>
    [Fact]
    public void Running_statistics_beside_a_gradient_may_be_those_after_the_round()
    {
        using var model = Open("batchnorm-net");
        using var folder = new TemporaryFolder();
        var (after, before) = (State("after-named.npz"), State("before.pt"));
        ArrayFile.Write(folder["gradient.npz"], [.. after.Select((array, i) => array.Name.Contains("running_", StringComparison.Ordinal)
            || array.Name.Contains("num_batches", StringComparison.Ordinal) ? array
            : NamedArray.Of(array.Name, array.Shape, array.ToDouble().Zip(before[i].ToDouble(), (a, b) => b - a).ToArray().AsSpan()))]);
        using var sent = new Opened(new(UpdateFile.Read(folder["gradient.npz"]), model, Nothing));
        Assert.Equal(new FedSgd { Mode = ModelMode.Train }, sent.Sent.Training);
        using var expected = Read(model, "batchnorm-net", "after.npz",
            Nothing with { Training = new FedAvg { BatchSize = 4, LearningRate = 0.05 } });
        foreach (var layer in expected.Sent.BatchStatistics!.Names)
            Assert.True(expected.Sent.BatchStatistics[layer].Variance.allclose(sent.Sent.BatchStatistics![layer].Variance, 1e-3, 1e-4));
    }

    [Fact]
    public void A_gradient_stays_a_gradient_and_a_difference_of_state_dicts_is_seen_by_its_counters()
    {
        using var model = Open("batchnorm-net");
        using var folder = new TemporaryFolder();
        var (after, before) = (State("after.pt"), State("before.pt"));
        ArrayFile.Write(folder["difference.npz"], [.. after.Select((array, i) => NamedArray.Of($"arr_{i}", array.Shape,
            array.ToDouble().Zip(before[i].ToDouble(), (a, b) => a - b).ToArray().AsSpan()))]);
        using var sent = new Opened(new(UpdateFile.Read(folder["difference.npz"]), model, Nothing));
        Assert.IsType<HiddenTraining>(sent.Sent.Training);
        Assert.Contains("step counters", sent.Sent.Notes[0], StringComparison.Ordinal);
        Assert.NotNull(sent.Sent.BatchStatistics);
        UpdateFile.Write(folder["gradient.npz"], sent.Sent.Update, null);
        using var gradient = new Opened(new(UpdateFile.Read(folder["gradient.npz"]), model, Nothing));
        Assert.Equal(new FedSgd(), gradient.Sent.Training);
        Assert.Empty(gradient.Sent.Notes);
    }

    [Fact]
    public void A_built_in_architecture_takes_the_weights_of_a_state_dict()
    {
        using var folder = new TemporaryFolder();
        using var drawn = new Mlp().Open(new(1, 4, 4), 3, new RandomSource(1), ScalarType.Float32, CPU);
        var list = drawn.Layout.Entries.Select((entry, i) => NamedArray.Of($"arr_{i}", drawn.Parameters[i])).ToArray();
        ArrayFile.Write(folder["weights.npz"], list);
        using var read = (new Mlp() with { Weights = folder["weights.npz"] })
            .Open(new(1, 4, 4), 3, new RandomSource(2), ScalarType.Float32, CPU);
        Assert.All(drawn.Parameters.Zip(read.Parameters), pair => Assert.True(pair.First.equal(pair.Second).all().ToBoolean()));
    }

    [Fact]
    public void A_state_dict_of_other_names_but_the_same_shapes_is_the_weights_of_a_built_in_architecture()
    {
        var state = Shared.Path("problems", "reports", "c07", "state.pt");
        var update = Shared.Path("problems", "reports", "c07", "update.pt");
        using var model = (new LeNet() with { Weights = state }).Open(new(3, 32, 32), 10, new RandomSource(2), ScalarType.Float32, CPU);
        Assert.Equal(ArrayFile.Read(state).Arrays.SelectMany(array => array.ToSingle()),
            model.Parameters.SelectMany(weights => weights.data<float>().ToArray()));
        using var sent = new Opened(new(UpdateFile.Read(update), model, Nothing));
        Assert.Equal(new FedSgd(), sent.Sent.Training);
    }

    private static IReadOnlyList<NamedArray> State(string name) =>
        ArrayFile.Read(Shared.Path("problems", "clients", "batchnorm-net", name)).Arrays;

    private static VictimModel Open(string client) => new TorchScriptFile(Shared.Path("problems", "clients", client, "model.pt"))
    {
        Normalization = new([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    }.Open(new(3, 32, 32), 10, new RandomSource(1), ScalarType.Float32, CPU);

    private static Opened Read(VictimModel model, string client, string name, UpdateFacts facts) =>
        new(new(UpdateFile.Read(Shared.Path("problems", "clients", client, name)), model, facts));

    private static (Tensor Images, Tensor Targets) Truth(VictimModel model)
    {
        var truth = ArrayFile.Read(Shared.Path("problems", "clients", "batchnorm-net", "truth.npz"));
        var labels = truth["labels"].ToInt64().Select(label => (int)label).ToValueList();
        return (truth["images"].ToTensor(ScalarType.Float32, CPU), new Labels(labels, default).Targets(model.Classes, model.Type, CPU));
    }

    private sealed record Opened(SentUpdate Sent) : IDisposable
    {
        public void Dispose()
        {
            Sent.Update.Dispose();
            Sent.BatchStatistics?.Dispose();
            Sent.RunningStatistics?.Dispose();
        }
    }
}
