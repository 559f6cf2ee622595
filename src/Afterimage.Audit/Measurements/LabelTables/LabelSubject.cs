using System.Collections.Immutable;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>A model of the table and how its clients train.</summary>
/// <param name="Name">As the table calls it.</param>
/// <param name="Source">Its layers, weights and normalization.</param>
/// <param name="LearningRate">Of the clients that send weight differences.</param>
/// <param name="Mode">
/// Whose statistics BatchNorm uses. An untrained ResNet has none of its own yet, and in eval mode its features grow from block to block
/// until no learning rate is small enough: its clients train in train mode, as everybody does.
/// </param>
public sealed record LabelSubject(string Name, ModelSource Source, double LearningRate = 0.01, ModelMode Mode = ModelMode.Eval)
{
    private static readonly Normalization Cifar = new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>The models of the table.</summary>
    /// <param name="weights">Of the trained ResNet-20; null leaves it out.</param>
    public static ImmutableArray<LabelSubject> All(string? weights)
    {
        LabelSubject[] untrained =
        [
            // Its 768 features are near 0.5, so a step at rate 0.01 moves logits by two: both rates are shown.
            new("lenet", new LeNet(), 0.001),
            new("lenet-rate-0.01", new LeNet()),
            new("convnet-16", new ConvNet { Width = 16, Normalization = Cifar }),
            new("resnet-20-untrained", new ResNet { Depth = 20, Normalization = Cifar }, Mode: ModelMode.Train),
            new("mlp", new Mlp()),
        ];
        return weights is null ? [.. untrained]
            : [.. untrained, new("resnet-20-trained", new ResNet { Depth = 20, Normalization = Cifar, Weights = weights })];
    }
}
