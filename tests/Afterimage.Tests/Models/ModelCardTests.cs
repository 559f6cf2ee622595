using Afterimage.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

public class ModelCardTests
{
    private static ModelCard Card(Architecture architecture)
    {
        using var model = architecture.Open(new(3, 32, 32), 10, new(1), ScalarType.Float32, CPU);
        return ModelCard.Of(model, "victim");
    }

    [Fact]
    public void ListsShapesAndCounts()
    {
        var card = Card(new LeNet());
        Assert.Equal(["conv 5x5 stride 2", "Sigmoid", "conv 5x5 stride 2", "Sigmoid", "conv 5x5", "Sigmoid", "flatten", "linear"],
            card.Layers.Select(layer => layer.Kind));
        Assert.Equal([12, 16, 16], card.Layers[0].Output);
        Assert.Equal(900, card.Layers[0].Parameters[0].Count);
        Assert.Equal(card.ParameterCount, card.Layers.Sum(layer => layer.Parameters.Sum(parameter => parameter.Count)));
        Assert.Equal(("fc.0.weight", "fc.0.bias"), card.Head);
        Assert.True(card.IsSmooth);
        Assert.False(card.HasBatchNorm);
    }

    [Fact]
    public void ResidualsShowTheirBranches()
    {
        var card = Card(new ResNet { Depth = 18 });
        Assert.Equal(8, card.Layers.Count(layer => layer.Kind == "residual"));
        Assert.Contains(card.Layers, layer => layer.Depth == 1
            && layer.Parameters.Any(parameter => parameter.Name == "layer2.0.downsample.0.weight"));
        Assert.Equal(card.ParameterCount, card.Layers.Sum(layer => layer.Parameters.Sum(parameter => parameter.Count)));
        Assert.True(card.HasBatchNorm);
        Assert.False(card.IsSmooth);
        Assert.Contains(card.Hints, hint => hint.StartsWith("BatchNorm in train mode", StringComparison.Ordinal));
    }

    [Fact]
    public void SaysWhatAnArchitectureGivesAway()
    {
        Assert.Contains(Card(new Mlp()).Hints, hint => hint.Contains("the bias attack is exact at batch 1", StringComparison.Ordinal));
        Assert.DoesNotContain(Card(new LeNet()).Hints, hint => hint.Contains("bias attack", StringComparison.Ordinal));
        Assert.Contains(Card(new ConvNet { Width = 16 }).Hints, hint => hint.Contains("first-order solvers", StringComparison.Ordinal));
    }
}
