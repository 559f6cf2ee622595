using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Reports;
using Afterimage.Tests.Execution;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Clients;

/// <summary>Update files of models without classes or pictures, and what side-cars and threat models say of them.</summary>
public class UnusualRoundTests
{
    [Theory]
    [InlineData(1, 1, 20, true)]
    [InlineData(2, 6, 6, true)]
    [InlineData(3, 4, 4, true)]
    [InlineData(1, 1, 600, false)]
    public async Task Models_of_unusual_shapes_are_audited(int channels, int height, int width, bool pictured)
    {
        using var folder = new TemporaryFolder();
        var shape = new ImageShape(channels, height, width);
        var (update, truth, model) = Record(folder, new Mlp { Depth = 2, Width = 32 }, shape, 4, new FedSgd(), Row(4, 2));
        var experiment = SmallAudit.Experiment with
        {
            Model = model,
            Client = new RecordedUpdate { Update = update, Truth = truth, Classes = 4 },
            Attack = new Afterimage.Attacks.Best(),
        };
        var (report, _) = await SmallAudit.Run(experiment, folder["run"]);
        Assert.Equal("Converged", report.Cases[0].Outcome);
        Assert.InRange(report.Cases[0].Images[0].Metrics["psnr"], 60, double.PositiveInfinity);
        Assert.Equal(!pictured,
            report.Cases[0].Findings.Any(found => found.Text.Contains("No public images were given", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("mean-squared", 0.7f, "0.7")]
    [InlineData("binary-cross-entropy", 1f, "1")]
    public async Task One_output_is_audited_with_its_number_as_the_truth(string loss, float target, string shown)
    {
        using var folder = new TemporaryFolder();
        var training = new FedSgd { Loss = loss == "mean-squared" ? new MeanSquared() : new BinaryCrossEntropy() };
        var (update, truth, model) = Record(folder, new Mlp { Depth = 2, Width = 32 }, new(1, 8, 8), 1, training, [target]);
        var experiment = SmallAudit.Experiment with
        {
            Model = model,
            Client = new RecordedUpdate { Update = update, Truth = truth, Classes = 1 },
            Attack = new Afterimage.Attacks.Best(),
        };
        var (report, _) = await SmallAudit.Run(experiment, folder["run"]);
        var (found, image) = (report.Cases[0], report.Cases[0].Images[0]);
        Assert.Equal(("Converged", shown, shown), (found.Outcome, image.RecoveredLabel, image.TrueLabel));
        Assert.Null(found.LabelAccuracy);
        Assert.InRange(image.Metrics["psnr"], 60, double.PositiveInfinity);
        Assert.Contains(found.Assumptions, known => known.Knowledge.Contains("the loss was taken for", StringComparison.Ordinal));
    }

    [Fact]
    public void Targets_that_are_no_classes_are_named_where_the_model_has_classes()
    {
        using var folder = new TemporaryFolder();
        var (update, truth, model) = Record(folder, new Mlp { Depth = 2, Width = 16 }, new(1, 8, 8), 4, new FedSgd(), Row(4, 2), 0.7f);
        Refusal.Says("holds 0.7, which is no class of a model of 4 outputs: give class numbers [1], or targets [1,4]",
            () => new RecordedUpdate { Update = update, Truth = truth, Classes = 4 }.Open(model, 0, new(1), CPU));
    }

    [Fact]
    public void A_rate_that_is_hidden_is_not_used_for_a_single_step()
    {
        using var folder = new TemporaryFolder();
        var step = new FedAvg { BatchSize = 1, LearningRate = 0.25 };
        var (update, _, model) = Record(folder, new Mlp { Depth = 2, Width = 16 }, new(1, 8, 8), 4, step, Row(4, 2));
        using var round = new RecordedUpdate { Update = update, Input = new(1, 8, 8), Classes = 4, BatchSize = 1, Training = step }
            .Open(model, 0, new(1), CPU);
        Assert.IsType<FedSgd>(new ThreatModel().Reveal(round).Training);
        var hidden = new ThreatModel { RevealTraining = false }.Reveal(round);
        Assert.IsType<HiddenTraining>(hidden.Training);
        Assert.True(round.Update.Scale(-0.25).Flat.allclose(hidden.Update.Flat, 1e-4, 1e-7));
        string Said(bool reveal) => string.Join("\n", Explanation.Assumptions(
            SmallAudit.Experiment with { Threat = new() { RevealTraining = reveal } }, round).Select(known => known.Knowledge));
        Assert.Contains("one step of SGD", Said(true), StringComparison.Ordinal);
        Assert.DoesNotContain("one step of SGD", Said(false), StringComparison.Ordinal);
        Assert.Contains("hidden; learning rate times steps", Said(false), StringComparison.Ordinal);
    }

    [Fact]
    public void A_side_car_names_the_weights_before_and_the_defense()
    {
        using var folder = new TemporaryFolder();
        var (update, _, model) = Record(folder, new Mlp { Depth = 2, Width = 16 }, new(1, 8, 8), 4, new FedSgd(), Row(4, 2));
        File.WriteAllText(folder["update.json"], """
            { "update": "gradient", "weights": "weights.safetensors", "input": "1x8x8", "classes": 4, "batchSize": 1,
              "defense": [{ "kind": "norm-bound", "bound": 1 }, { "kind": "top-k", "share": 0.5 }] }
            """);
        var client = new RecordedUpdate { Update = update, UpdateKind = UpdateContent.Gradient };
        Assert.Null(client.Fault(model with { Weights = null }));
        using var read = client.Open(model with { Weights = null }, 0, new(1), CPU);
        using var expected = client.Open(model, 0, new(1), CPU);
        Assert.True(read.Model.Parameters[0].equal(expected.Model.Parameters[0]).all().ToBoolean());
        Assert.Contains("the largest 50 %", read.Channel.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_without_scales_are_read_up_to_a_factor_for_each_tensor()
    {
        using var folder = new TemporaryFolder();
        var (update, _, model) = Record(folder, new Mlp { Depth = 2, Width = 16 }, new(1, 8, 8), 4, new FedSgd(), Row(4, 2));
        var arrays = ArrayFile.Read(update).Arrays;
        ArrayFile.Write(update, [.. arrays.Select(Quantized)]);
        using var round = new RecordedUpdate { Update = update, Input = new(1, 8, 8), Classes = 4, BatchSize = 1 }
            .Open(model, 0, new(1), CPU);
        Assert.Contains(round.Reading, note => note.Contains("integers without their scales", StringComparison.Ordinal));
        var seen = new ThreatModel().Reveal(round);
        Assert.Equal((typeof(TensorScales), false), (seen.Channel.GetType(), seen.IsConfirmed));
        ArrayFile.Write(update, [Quantized(arrays[0]), .. arrays.Skip(1)]);
        Refusal.Says("multiply the integers by their scale and export float32",
            () => new RecordedUpdate { Update = update, Input = new(1, 8, 8), Classes = 4 }.Open(model, 0, new(1), CPU));
    }

    [Theory]
    [InlineData(0.5, "in train mode (dropout with masks that nobody knows)")]
    [InlineData(0, "in train mode")]
    public void Train_mode_is_said_in_the_words_of_the_model(double dropout, string words)
    {
        using var folder = new TemporaryFolder();
        var source = new Mlp { Depth = 2, Width = 16, Dropout = dropout };
        var (update, _, model) = Record(folder, source, new(1, 8, 8), 4, new FedSgd(), Row(4, 2));
        using var round = new RecordedUpdate
        {
            Update = update, Input = new(1, 8, 8), Classes = 4, BatchSize = 1, Mode = ModelMode.Train,
        }.Open(model, 0, new(1), CPU);
        Assert.False(round.IsDescribed);
        var said = Explanation.Assumptions(SmallAudit.Experiment, round).Single(known => known.Topic == "local training").Knowledge;
        Assert.EndsWith(words, said, StringComparison.Ordinal);
        Assert.DoesNotContain("BatchNorm", said, StringComparison.Ordinal);
    }

    private static NamedArray Quantized(NamedArray array)
    {
        var values = array.ToSingle();
        var step = values.Max(Math.Abs) / 127;
        return new(array.Name, array.Shape, ElementType.Int8, [.. values.Select(value => (byte)(sbyte)Math.Round(value / step))]);
    }

    private static float[] Row(int classes, int label) => [.. Enumerable.Range(0, classes).Select(c => c == label ? 1f : 0)];

    /// <summary>One image's update, the truth and the model with its weights in a file.</summary>
    private static (string Update, string Truth, ModelSource Model) Record(TemporaryFolder folder, ModelSource source, ImageShape shape,
        int outputs, LocalTraining training, float[] target, float? label = null)
    {
        using var scope = NewDisposeScope();
        using var model = source.Open(shape, outputs, new(3), ScalarType.Float32, CPU);
        using var generator = new RandomSource(4).Generator(CPU);
        var image = rand([1, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU, generator: generator);
        var batch = new Batch(image, tensor(target, [1, outputs]));
        UpdateFile.Write(folder["update.npz"], training.Train(model, batch, new(1)), null);
        float[] labels = label is { } odd ? [odd] : outputs == 1 ? target : [Array.IndexOf(target, 1)];
        ArrayFile.Write(folder["truth.npz"], [NamedArray.Of("images", image), NamedArray.Of("labels", [1], labels.AsSpan())]);
        return (folder["update.npz"], folder["truth.npz"], RecordedUpdateTests.Saved(folder, source, model));
    }
}
