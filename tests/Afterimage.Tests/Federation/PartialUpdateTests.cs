using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Execution;
using Afterimage.UpdateFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>Updates of which some tensors were not sent.</summary>
public sealed class PartialUpdateTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <summary>A round of which only these parameters were written to a file.</summary>
    private ClientRound Recorded(Func<string, bool> isSent)
    {
        using var scope = Tidy.Scope();
        using var sent = new SimulatedClient { Data = SmallAudit.Leaves }.Open(SmallAudit.Experiment.Model, 0, new(5), CPU);
        ArrayFile.Write(folder["update.npz"], [.. sent.Update.Layout.Entries.Select((entry, i) => NamedArray.Of(entry.Name, sent.Update[i]))
            .Where(array => isSent(array.Name))]);
        return new RecordedUpdate { Update = folder["update.npz"], Input = new(1, 8, 8), Classes = 4, BatchSize = 1, Labels = sent.Labels }
            .Open(SmallAudit.Experiment.Model, 0, new(5), CPU);
    }

    [Fact]
    public void OnlyWhatWasSentIsCompared()
    {
        using var _ = NewDisposeScope();
        using var round = Recorded(name => !name.EndsWith("bias", StringComparison.Ordinal));
        Assert.Equal(ChannelEffects.Missing, round.Channel.Effects);
        var mask = round.Channel.Mask(round.Update)!;
        foreach (var entry in round.Update.Layout.Entries)
            Assert.Equal(entry.Name.EndsWith("bias", StringComparison.Ordinal) ? 0 : entry.Count,
                mask.narrow(0, entry.Offset, entry.Count).sum().ToDouble());
        // Whatever is predicted where nothing arrived does not count.
        var predicted = new GradientSet(round.Update.Layout, round.Update.Flat + 5 * (1 - mask));
        Assert.Equal(0, round.Channel.Misfit(predicted, round.Update));
    }

    [Fact]
    public void TheReportSaysWhichTensorsWereUsed()
    {
        using var round = Recorded(name => !name.EndsWith("bias", StringComparison.Ordinal));
        var count = round.Update.Layout.Entries.Count;
        var said = Explanation.Assumptions(SmallAudit.Experiment, round).Single(assumption => assumption.Topic == "update").Knowledge;
        Assert.Contains($"of which {count / 2} of {count} parameter tensors were used", said, StringComparison.Ordinal);
        Assert.Contains(round.Update.Layout.Entries[0].Name, said, StringComparison.Ordinal);
        Assert.DoesNotContain("bias", said, StringComparison.Ordinal);
    }

    [Fact]
    public void AWholeUpdateIsAsItWas()
    {
        using var round = Recorded(_ => true);
        Assert.Same(Channel.None, round.Channel);
    }

    [Fact]
    public void AnAttackUsesWhatWasSent()
    {
        using var _ = NewDisposeScope();
        using var round = Recorded(name => !name.EndsWith("bias", StringComparison.Ordinal));
        var experiment = SmallAudit.Experiment with { Threat = SmallAudit.Experiment.Threat with { RevealLabels = true } };
        using var context = new AttackContext
        {
            Model = round.Model, Observation = experiment.Threat.Reveal(round), Random = new RandomSource(1),
        };
        var attack = Known.Matching with { Labels = new Given(), Restarts = 1 };
        using var found = attack.Run(context);
        Assert.InRange(found.RelativeMisfit, 0, 1e-2);
    }

    [Fact]
    public void LabelsAreNotReadFromAHeadThatWasNotSent()
    {
        using var _ = NewDisposeScope();
        var isFirst = true;
        using var round = Recorded(_ => isFirst && !(isFirst = false));
        using var context = new AttackContext
        {
            Model = round.Model, Observation = SmallAudit.Experiment.Threat.Reveal(round), Random = new RandomSource(1),
        };
        Refusal.Says("does not hold the whole head", () => new Idlg().Recover(context));
    }

    public void Dispose() => folder.Dispose();
}
