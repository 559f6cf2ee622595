using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>The part of a network that makes the features that a layer takes in.</summary>
/// <param name="Before">Its layers, in order of execution.</param>
/// <param name="Layer">The layer that takes the features in.</param>
/// <param name="Input">The shape of the features of one image.</param>
/// <param name="IsRectified">Whether they come out of a ReLU.</param>
/// <param name="IsNormalized">Whether BatchNorm stands behind the layer.</param>
internal sealed record FeatureFront(ValueList<Layer> Before, Layer Layer, long[] Input, bool IsRectified, bool IsNormalized)
{
    /// <summary>Numbers of the features of one image.</summary>
    public long Count => Input.Aggregate(1L, (product, size) => product * size);

    /// <summary>Those of all convolutions and linear layers of a network, in order of execution.</summary>
    public static IEnumerable<FeatureFront> All(Network network) =>
        Walk(network.Layers, [], [network.Input.Channels, network.Input.Height, network.Input.Width], false);

    /// <summary>A model that maps images to features, [N,features]; the caller owns it.</summary>
    /// <param name="model">The whole model.</param>
    /// <param name="before">The layers in front of the features.</param>
    /// <param name="told">Statistics that take the place of the running ones in eval mode; null leaves these.</param>
    public static NetworkModel Open(VictimModel model, ValueList<Layer> before, LayerStatistics? told)
    {
        var shape = Network.Follow(model.Input, before);
        var network = new Network(model.Input, (int)shape.Aggregate(1L, (product, size) => product * size),
            shape.Length == 1 ? before : [.. before, new Flatten()]);
        return SplitNetwork.Part(model, network, model.Normalization, told);
    }

    private static IEnumerable<FeatureFront> Walk(ValueList<Layer> layers, ValueList<Layer> before, long[] shape, bool rectified)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            ValueList<Layer> front = [.. before, .. layers.Take(i)];
            if (layers[i] is Conv2d or Linear)
                yield return new(front, layers[i], shape, rectified, i + 1 < layers.Count && layers[i + 1] is BatchNorm2d);
            foreach (var inside in layers[i].Branches.SelectMany(branch => Walk(branch, front, shape, rectified)))
                yield return inside;
            shape = layers[i].Follow(shape);
            rectified = layers[i] switch
            {
                Activation activation => activation.Kind is ActivationKind.ReLU or ActivationKind.ReLU6,
                Dropout or Flatten or MaxPool2d => rectified,
                _ => false,
            };
        }
    }
}
