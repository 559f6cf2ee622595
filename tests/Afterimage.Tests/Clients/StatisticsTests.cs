using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Laws;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Clients;

/// <summary>BatchNorm statistics on their way from the client to the attacker.</summary>
public class StatisticsTests
{
    private static readonly ModelSource Model = new ConvNet { Width = 2 };

    private static ClientRound Round(ModelMode mode, LocalTraining? training = null) => new SimulatedClient
    {
        Data = new DeadLeaves { Shape = new(1, 12, 12), Count = 40, Classes = 4 }, BatchSize = 3,
        Training = training ?? new FedSgd { Mode = mode },
    }.Open(Model, 0, new RandomSource(5), CPU);

    private static void Agree(LayerStatistics first, LayerStatistics second, double tolerance = 1e-5)
    {
        Assert.Equal(8, first.Names.Count());
        using var scope = NewDisposeScope();
        foreach (var layer in first.Names)
        {
            Assert.True((first[layer].Mean - second[layer].Mean).abs().max().ToDouble() < tolerance);
            Assert.True((first[layer].Variance - second[layer].Variance).abs().max().ToDouble() < tolerance);
        }
    }

    [Fact]
    public void A_threat_model_reveals_what_it_says_and_nothing_else()
    {
        using var round = Round(ModelMode.Train);
        var hidden = new ThreatModel().Reveal(round);
        Assert.Null(hidden.BatchStatistics);
        Assert.Null(hidden.RunningStatistics);
        Assert.Same(round.BatchStatistics, new ThreatModel { RevealBatchStatistics = true }.Reveal(round).BatchStatistics);
        Assert.Same(round.RunningStatistics, new ThreatModel { RevealRunningStatistics = true }.Reveal(round).RunningStatistics);
    }

    [Fact]
    public void In_eval_mode_the_running_statistics_stay_and_the_batch_has_its_own()
    {
        using var round = Round(ModelMode.Eval);
        Assert.Null(round.RunningStatistics);
        Assert.NotNull(round.BatchStatistics);
        using var several = Round(ModelMode.Train, new FedAvg { Mode = ModelMode.Train });
        Assert.Null(several.RunningStatistics);
    }

    [Fact]
    public void From_what_the_client_sends_those_of_its_batch_follow()
    {
        using var scope = NewDisposeScope();
        using var round = Round(ModelMode.Train);
        Agree(round.BatchStatistics!, round.RunningStatistics!.Inferred(round.Model, 3, round.Training));
    }

    [Theory]
    [InlineData(SentStatistics.After)]
    [InlineData(SentStatistics.Difference)]
    [InlineData(SentStatistics.Batch)]
    public void An_update_file_may_hold_them(SentStatistics kind)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var sent = Round(ModelMode.Train);
        var arrays = sent.Update.Layout.Entries.Select((entry, i) => NamedArray.Of(entry.Name, sent.Update[i])).ToList();
        foreach (var layer in sent.RunningStatistics!.Names)
            foreach (var (suffix, after, batch) in ((string, Tensor, Tensor)[])
                [(".running_mean", sent.RunningStatistics[layer].Mean, sent.BatchStatistics![layer].Mean),
                    (".running_var", sent.RunningStatistics[layer].Variance, Unbiased(sent, layer))])
                arrays.Add(NamedArray.Of("module." + layer + suffix, kind switch
                {
                    SentStatistics.After => after,
                    SentStatistics.Difference => after - sent.Model.Buffers[layer + suffix],
                    _ => batch,
                }));
        arrays = [.. arrays.Select(array => array.Name.StartsWith("module.", StringComparison.Ordinal) ? array
            : NamedArray.Of("module." + array.Name, array.ToTensor(ScalarType.Float32, CPU)))];
        ArrayFile.Write(folder["update.npz"], [.. arrays]);
        var description = new UpdateDescription
        {
            Training = sent.Training, BatchSize = 3, Input = sent.Model.Input, Classes = 4, Statistics = kind,
        };
        File.WriteAllText(folder["update.json"], description.ToJson());
        Assert.Equal(description, UpdateDescription.Read(folder["update.json"]));
        var before = Live.Tensors;
        using (var read = new RecordedUpdate { Update = folder["update.npz"] }.Open(Model, 0, new RandomSource(5), CPU))
        {
            Assert.True(sent.Update.Flat.equal(read.Update.Flat).all().ToBoolean());
            Agree(sent.BatchStatistics!, kind == SentStatistics.Batch ? read.BatchStatistics!
                : read.RunningStatistics!.Inferred(read.Model, 3, read.Training));
        }
        File.WriteAllText(folder["update.json"], (description with { Statistics = null }).ToJson());
        using var silent = new RecordedUpdate { Update = folder["update.npz"] }.Open(Model, 0, new RandomSource(5), CPU);
        // Those after the round are recognized by being near the model's own.
        if (kind == SentStatistics.After)
            Agree(sent.BatchStatistics!, silent.RunningStatistics!.Inferred(silent.Model, 3, silent.Training));
        else
            Assert.True(silent is { BatchStatistics: null, RunningStatistics: null });
    }

    [Fact]
    public void A_file_without_them_is_refused_where_it_is_said_to_have_them()
    {
        using var folder = new TemporaryFolder();
        using var sent = Round(ModelMode.Train);
        UpdateFile.Write(folder["update.npz"], sent.Update, new()
        {
            Training = sent.Training, BatchSize = 3, Input = sent.Model.Input, Classes = 4, Statistics = SentStatistics.After,
        });
        var alone = new RecordedUpdate { Update = folder["update.npz"] };
        Refusal.Says("model.bn0.running_mean", () => alone.Open(Model, 0, new RandomSource(5), CPU));
        Refusal.Says("\"after\", \"difference\" or \"batch\"", () => UpdateDescription.Parse("{\"statistics\":\"mine\"}", "side.json"));
    }

    /// <summary>The batch's variance as PyTorch keeps it with a momentum of one.</summary>
    private static Tensor Unbiased(ClientRound round, string layer)
    {
        var before = round.Model.Buffers[layer + ".running_var"];
        return (round.RunningStatistics![layer].Variance - before * 0.9) / 0.1;
    }
}
