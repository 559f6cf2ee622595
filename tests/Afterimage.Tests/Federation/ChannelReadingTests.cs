using Afterimage.Audit.Clients;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>An undeclared way of an update is read from its numbers, and an update that went none is left alone.</summary>
public class ChannelReadingTests
{
    [Theory]
    [InlineData("none", null)]
    [InlineData("top-k", "only the largest were sent")]
    [InlineData("float16", "float16")]
    [InlineData("bfloat16", "bfloat16")]
    [InlineData("int8", "quantized to 8 bits")]
    [InlineData("sign", "only signs were sent")]
    public void The_way_is_read_from_the_numbers(string way, string? words)
    {
        ModelSource[] models = [new LeNet(), new ConvNet { Width = 4 }, new Mlp { Depth = 3, Width = 64 }];
        foreach (var model in models)
        {
            using var scope = NewDisposeScope();
            using var round = new SimulatedClient { Data = new DeadLeaves { Count = 20 }, BatchSize = 2 }.Open(model, 0, new(7), CPU);
            var sent = Sent(round.Update, way);
            var found = ChannelReading.Of(sent);
            if (words is null)
                Assert.Null(found);
            else
                Assert.Contains(words, found!.Sentence, StringComparison.Ordinal);
            if (found?.Channel.IsNoisy == true)
            {
                var seen = found.Channel.At(round.Update)?.Value ?? round.Update;
                var (misfit, floor) = (found.Channel.Misfit(seen, sent), found.Channel.Floor(sent));
                // Signs of the true images all agree, so that nothing is left.
                if (floor == 0)
                    Assert.Equal(0, misfit);
                else
                    Assert.InRange(misfit / floor, 0.4, 2);
            }
        }
    }

    /// <summary>
    /// Most numbers round to zero, as with one scale for a layer of few large numbers, and a bias has only the largest steps: still
    /// nothing was left out, and the bias is known to a step of the others.
    /// </summary>
    [Fact]
    public void A_quantizer_that_makes_zeros_leaves_nothing_out()
    {
        using var scope = NewDisposeScope();
        using var round = new SimulatedClient { Data = new DeadLeaves { Count = 20 } }.Open(new LeNet(), 0, new(7), CPU);
        var update = new GradientSet(round.Update.Layout, round.Update.Flat.sign() * round.Update.Flat.abs().pow(3));
        var bias = update[update.Layout.Entries.Count - 1];
        bias.fill_(0);
        (bias[2], bias[5]) = (1, -1);
        var found = ChannelReading.Of(Sent(update, "int8"))!;
        Assert.Contains("quantized", found.Sentence, StringComparison.Ordinal);
        Assert.InRange(found.Channel.Deviation(update, update.Layout.Entries.Count - 1), 0, 1.0 / 127);
    }

    private static GradientSet Sent(GradientSet update, string way) => way switch
    {
        "top-k" => new TopK { Share = 0.05 }.Protect(update, new(1)),
        "float16" => new ReducedPrecision().Protect(update, new(1)),
        "bfloat16" => new ReducedPrecision { Format = NumberFormat.BFloat16 }.Protect(update, new(1)),
        "int8" => GradientSet.Gather(update.Layout, [.. update.Split().Select(part =>
        {
            var step = part.abs().max() / 127;
            return (part / step).round() * step;
        })]),
        "sign" => new(update.Layout, update.Flat.sign()),
        _ => update,
    };
}
