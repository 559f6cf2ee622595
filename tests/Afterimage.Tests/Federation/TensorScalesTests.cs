using Afterimage.Audit.Clients;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>Updates whose tensors arrive without their sizes: signs, and integers of a quantizer.</summary>
public class TensorScalesTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_maps_products_are_its_derivative(bool isSign)
    {
        using var scope = NewDisposeScope();
        using var round = Open();
        var update = round.Update.To(ScalarType.Float64, CPU);
        var channel = isSign ? TensorScales.Signs : TensorScales.Of(Integers(update));
        var map = channel.At(update);
        var (change, direction) = (Random(update, 1), Random(update, 2));
        var step = 1e-6 * update.Norm() / change.Norm();
        GradientSet Moved(double by) => channel.At(new(update.Layout, update.Flat + change.Flat * by)).Value;
        var difference = (Moved(step).Flat - Moved(-step).Flat) / (2 * step);
        var pushed = map.Push(change).Flat;
        Assert.InRange(((pushed - difference).norm() / pushed.norm()).ToDouble(), 0, 1e-4);
        var pulled = map.Pull(direction).Flat;
        Assert.Equal(pushed.dot(direction.Flat).ToDouble(), change.Flat.dot(pulled).ToDouble(), 1e-6 * pushed.norm().ToDouble());
    }

    [Fact]
    public void Integers_are_explained_by_the_true_update_up_to_their_rounding()
    {
        using var scope = NewDisposeScope();
        using var round = Open();
        var integers = Integers(round.Update);
        var (channel, sent) = (TensorScales.Of(integers), TensorScales.Divided(integers));
        Assert.InRange(channel.Misfit(channel.At(round.Update.Scale(7)).Value, sent) / channel.Floor(sent), 0.4, 2);
    }

    private static ClientRound Open() =>
        new SimulatedClient { Data = new DeadLeaves { Shape = new(3, 16, 16), Count = 20 } }.Open(new LeNet(), 0, new(7), CPU);

    private static GradientSet Integers(GradientSet update) =>
        GradientSet.Gather(update.Layout, [.. update.Split().Select(part => (part / part.abs().max() * 127).round())]);

    private static GradientSet Random(GradientSet like, ulong seed)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        return new(like.Layout, randn(like.Layout.Count, ScalarType.Float64, generator: generator));
    }
}
