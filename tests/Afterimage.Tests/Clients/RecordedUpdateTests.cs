using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Execution;
using Afterimage.Tests.Laws;
using Afterimage.Tests.Numerics.Arrays.TorchSave;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Clients;

public class RecordedUpdateTests
{
    private static readonly ModelSource Model = SmallAudit.Experiment.Model;

    [Theory]
    [InlineData("update.npz", false)]
    [InlineData("update.npz", true)]
    [InlineData("update.safetensors", false)]
    public void What_a_client_wrote_is_what_is_read(string name, bool nameless)
    {
        using var folder = new TemporaryFolder();
        foreach (var training in (LocalTraining[])[new FedSgd(),
            new FedAvg { Epochs = 2, BatchSize = 2, LearningRate = 0.25, Mode = ModelMode.Train }])
        {
            using var sent = Client(training).Open(Model, 0, new RandomSource(5), CPU);
            UpdateFile.Write(folder[name], sent.Update, Describe(sent), nameless);
            using var read = new RecordedUpdate { Update = folder[name] }.Open(Model, 0, new RandomSource(5), CPU);
            Assert.True(sent.Update.Flat.equal(read.Update.Flat).all().ToBoolean());
            Assert.Equal(training, read.Training);
            Assert.Equal((3, sent.Labels), (read.BatchSize, read.Labels));
            Assert.Null(read.Truth);
            Assert.Equal(4, read.ClassNames.Count);
            Assert.Equal(sent.Model.Input, read.PublicImages.Shape);
        }
    }

    [Fact]
    public void The_truth_is_read_for_an_auditor_who_has_it()
    {
        using var folder = new TemporaryFolder();
        using var sent = Client(new FedSgd()).Open(Model, 0, new RandomSource(5), CPU);
        UpdateFile.Write(folder["update.npz"], sent.Update, Describe(sent) with { BatchSize = null, Labels = null });
        var truth = WriteTruth(folder, sent);
        using var read = new RecordedUpdate { Update = folder["update.npz"], Truth = truth }.Open(Model, 0, new RandomSource(5), CPU);
        Assert.Equal(sent.Truth!.Labels, read.Truth!.Labels);
        Assert.Equal(sent.Truth.Images.Select(image => image.Pixels.ToArray()), read.Truth.Images.Select(image => image.Pixels.ToArray()));
        Assert.Equal((3, sent.Labels), (read.BatchSize, read.Labels));
        var wrong = new RecordedUpdate { Update = folder["update.npz"], Truth = truth, BatchSize = 2 };
        Assert.Contains("3 images, but the batch size is 2", Answer(wrong), StringComparison.Ordinal);
        Assert.Contains("images of 1x4x16 need", Answer(wrong with { Input = new(1, 4, 16) }), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_missing_fact_is_asked_for_in_one_sentence()
    {
        using var folder = new TemporaryFolder();
        using var sent = Client(new FedSgd()).Open(Model, 0, new RandomSource(5), CPU);
        UpdateFile.Write(folder["update.npz"], sent.Update, null);
        var asked = new RecordedUpdate { Update = folder["update.npz"] };
        foreach (var (field, flag, answered) in ((string, string, RecordedUpdate)[])
                 [("input", "--input", asked with { Input = new(1, 8, 8) }),
                  ("classes", "--classes", asked with { Input = new(1, 8, 8), Classes = 4 })])
        {
            var message = Answer(asked);
            Assert.Contains($"\"{field}\"", message, StringComparison.Ordinal);
            Assert.Contains(flag, message, StringComparison.Ordinal);
            Assert.Contains("update.json", message, StringComparison.Ordinal);
            Assert.EndsWith(".", message, StringComparison.Ordinal);
            Assert.DoesNotContain(". ", message, StringComparison.Ordinal);
            asked = answered;
        }
        using (var unsaid = asked.Open(Model, 0, new RandomSource(5), CPU))
            Assert.Equal(0, unsaid.BatchSize);
        using var read = (asked with { BatchSize = 3 }).Open(Model, 0, new RandomSource(5), CPU);
        Assert.Equal(new FedSgd(), read.Training);
        Assert.Null(read.Labels);
    }

    [Fact]
    public void What_nobody_says_is_read_from_the_truth_and_the_model()
    {
        using var folder = new TemporaryFolder();
        using var sent = Client(new FedSgd()).Open(Model, 0, new RandomSource(5), CPU);
        UpdateFile.Write(folder["update.npz"], sent.Update, null);
        var saved = Saved(folder, Model);
        using (var read = new RecordedUpdate { Update = folder["update.npz"] }.Open(saved, 0, new RandomSource(7), CPU))
            Assert.Equal((new ImageShape(1, 8, 8), 4), (read.Model.Input, read.Model.Classes));
        using var judged = new RecordedUpdate { Update = folder["update.npz"], Truth = WriteTruth(folder, sent) }
            .Open(saved, 0, new RandomSource(7), CPU);
        Assert.Equal((new ImageShape(1, 8, 8), 3), (judged.Model.Input, judged.BatchSize));
    }

    [Fact]
    public void An_architecture_without_the_weights_of_the_round_is_no_model_of_it()
    {
        using var folder = new TemporaryFolder();
        var client = new RecordedUpdate { Update = "u.npz" };
        Assert.Contains("add the weights before the round with --weights", client.Fault(new LeNet()), StringComparison.Ordinal);
        Assert.Null(client.Fault(new LeNet { Weights = "w.npz" }));
        Assert.Null(client.Fault(new TorchScriptFile("model.pt")));
        Assert.Null(new SimulatedClient().Fault(new LeNet()));
        var faults = SmallAudit.Files.Check(SmallAudit.Experiment with { Client = client });
        Assert.StartsWith("u.npz was computed on weights that nobody gave, and mlp by itself has random ones", Assert.Single(faults),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_said_here_wins_over_the_file_beside()
    {
        using var folder = new TemporaryFolder();
        var update = Record(folder, "update.npz");
        using var read = new RecordedUpdate { Update = update, BatchSize = 2, Labels = [3, 0], Training = new FedAvg() }.Open(Model, 0,
            new RandomSource(5), CPU);
        Assert.Equal(2, read.BatchSize);
        Assert.Equal([3, 0], read.Labels!.Value);
        Assert.Equal(new FedAvg(), read.Training);
        Assert.Contains("between 0 and 3", Answer(new RecordedUpdate { Update = update, Labels = [4] }), StringComparison.Ordinal);
        Assert.Contains("1 labels", Answer(new RecordedUpdate { Update = update, Labels = [1, 2] }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_model_or_none_is_refused_and_nothing_is_left_alive()
    {
        using var folder = new TemporaryFolder();
        var update = Record(folder, "update.npz");
        var before = Live.Tensors;
        Refusal.Says("update.npz", () => new RecordedUpdate { Update = update }.Open(new Mlp { Depth = 3 }, 0, new RandomSource(5), CPU));
        Assert.Contains("nowhere.npz", Answer(new RecordedUpdate { Update = "nowhere.npz" }), StringComparison.Ordinal);
        new RecordedUpdate { Update = update }.Open(Model, 0, new RandomSource(5), CPU).Dispose();
        Assert.Equal(before, Live.Tensors);
    }

    [Fact]
    public void A_pickle_that_would_run_something_is_refused_wherever_arrays_are_read()
    {
        using var folder = new TemporaryFolder();
        var evil = folder.Write("evil.pt", PickleText.Zip(new PickleText().Dictionary(("fc.weight",
            text => text.Global("posix", "system").Text("touch run").Bytes(0x85).Op("R"))).Done));
        var client = new RecordedUpdate { Update = Record(folder, "update.npz") };
        foreach (var (asked, model) in ((RecordedUpdate, ModelSource)[])
            [(client with { Update = evil, Input = new(1, 8, 8), Classes = 4 }, Model), (client with { Before = evil }, Model),
                (client with { Truth = evil }, Model), (client, Model with { Weights = evil })])
            Refusal.Says("names \"posix.system\", which is never run", () => asked.Open(model, 0, new RandomSource(5), CPU));
    }

    /// <summary>A gradient of one image with its side-car; returns its path.</summary>
    internal static string Record(TemporaryFolder folder, string name)
    {
        using var sent = (Client(new FedSgd()) with { BatchSize = 1 }).Open(Model, 0, new RandomSource(5), CPU);
        UpdateFile.Write(folder[name], sent.Update, Describe(sent) with { Labels = null });
        return folder[name];
    }

    /// <summary>The model of <see cref="Record"/> with its weights in a file.</summary>
    internal static ModelSource Saved(TemporaryFolder folder, ModelSource source)
    {
        using var sent = Client(new FedSgd()).Open(source, 0, new RandomSource(5), CPU);
        return Saved(folder, source, sent.Model);
    }

    internal static ModelSource Saved(TemporaryFolder folder, ModelSource source, VictimModel opened)
    {
        var path = folder["weights.safetensors"];
        ArrayFile.Write(path, [.. opened.Layout.Entries.Zip(opened.Parameters).Select(pair => NamedArray.Of(pair.First.Name, pair.Second)),
            .. opened.Buffers.Select(pair => NamedArray.Of(pair.Key, pair.Value))]);
        return source with { Weights = path };
    }

    private static SimulatedClient Client(LocalTraining training) => new() { Data = SmallAudit.Leaves, BatchSize = 3, Training = training };

    private static UpdateDescription Describe(ClientRound sent) =>
        new() { Training = sent.Training, BatchSize = sent.BatchSize, Input = sent.Model.Input, Classes = 4, Labels = sent.Labels };

    private static string WriteTruth(TemporaryFolder folder, ClientRound sent)
    {
        ArrayFile.Write(folder["truth.npz"],
        [
            NamedArray.Of("images", [3, 1, 8, 8], sent.Truth!.Images.SelectMany(image => image.Pixels.ToArray()).ToArray().AsSpan()),
            NamedArray.Of("labels", [3], sent.Truth.Labels.Select(label => (long)label).ToArray().AsSpan()),
        ]);
        return folder["truth.npz"];
    }

    private static string Answer(RecordedUpdate update) =>
        Assert.Throws<AfterimageException>(() => update.Open(Model, 0, new RandomSource(5), CPU)).Message;
}
