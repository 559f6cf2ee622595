using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class ModelFingerprintTests
{
    [Fact]
    public void It_tells_architectures_and_weights_apart_and_is_the_same_in_every_precision()
    {
        using var scope = NewDisposeScope();
        static VictimModel Open(ModelSource source, ulong seed = 1, int classes = 10, int side = 16) =>
            source.Open(new(3, side, side), classes, new(seed), ScalarType.Float32, CPU);
        using var model = Open(new ResNet { Depth = 20 });
        var print = ModelFingerprint.Of(model);
        using var twice = model.To(ScalarType.Float64, CPU);
        Assert.Equal(print, ModelFingerprint.Of(twice));
        using var again = Open(new ResNet { Depth = 20 });
        Assert.Equal(print, ModelFingerprint.Of(again));
        using var other = Open(new ResNet { Depth = 20 }, seed: 2);
        Assert.Equal(print.Architecture, ModelFingerprint.Of(other).Architecture);
        Assert.NotEqual(print.Weights, ModelFingerprint.Of(other).Weights);
        again.Buffers.Values.First().fill_(0.5);
        Assert.NotEqual(print.Weights, ModelFingerprint.Of(again).Weights);
        VictimModel[] others = [Open(new ResNet { Depth = 32 }), Open(new ResNet { Depth = 20 }, classes: 5),
            Open(new ResNet { Depth = 20 }, side: 32), Open(new ResNet { Depth = 20, Normalization = new([0.5, 0.5, 0.5], [1, 1, 1]) })];
        Assert.All(others, one => Assert.NotEqual(print.Architecture, ModelFingerprint.Of(one).Architecture));
        using var sigmoid = Open(new Mlp { Width = 8, Activation = ActivationKind.Sigmoid });
        using var tanh = Open(new Mlp { Width = 8, Activation = ActivationKind.Tanh });
        Assert.NotEqual(ModelFingerprint.Of(sigmoid).Architecture, ModelFingerprint.Of(tanh).Architecture);
        foreach (var one in others)
            one.Dispose();
    }
}
