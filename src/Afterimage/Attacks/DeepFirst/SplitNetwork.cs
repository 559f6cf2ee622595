using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>A network cut in two: a front from images to deep features, and a tail whose input these features are.</summary>
internal sealed class SplitNetwork : IDisposable
{
    private readonly NetworkModel front;

    private SplitNetwork(NetworkModel front, NetworkModel tail) => (this.front, Tail) = (front, tail);

    /// <summary>Its input is the features as they are, from 0 on.</summary>
    public NetworkModel Tail { get; }

    /// <summary>
    /// Cuts in front of the layer with weights behind which a number of activations follow; null where the network has no such place, or
    /// what passes there is no image.
    /// </summary>
    public static SplitNetwork? At(VictimModel model, int activations)
    {
        if (model.Network is not { } network)
            return null;
        var place = Place(network.Layers, activations);
        if (place <= 0 || Network.Follow(network.Input, network.Layers.Take(place)) is not [var channels, var height, var width])
            return null;
        var features = new Network(network.Input, (int)(channels * height * width), [.. network.Layers.Take(place), new Flatten()]);
        var rest = new Network(new((int)channels, (int)height, (int)width), network.Classes, [.. network.Layers.Skip(place)]);
        using var scope = Tidy.Scope();
        // A front without weights would be the network itself.
        return !features.Parameters.Any() ? null
            : new(Part(model, features, model.Normalization), Part(model, rest, Normalization.None((int)channels)));
    }

    /// <summary>Features of images in [0,1], [B,C,H,W].</summary>
    public Tensor Features(Tensor images) =>
        front.Logits(images).view(images.shape[0], Tail.Input.Channels, Tail.Input.Height, Tail.Input.Width);

    /// <summary>What the update says of the tail.</summary>
    public GradientSet Update(GradientSet whole) =>
        GradientSet.Gather(Tail.Layout, [.. Tail.Layout.Entries.Select(entry => whole[whole.Layout.IndexOf(entry.Name)])]);

    public void Dispose()
    {
        front.Dispose();
        Tail.Dispose();
    }

    private static int Place(ValueList<Layer> layers, int activations)
    {
        var passed = 0;
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            passed += layers[i] is Activation ? 1 : 0;
            if (passed == activations && layers[i] is (Conv2d or Residual or Linear))
                return i;
        }
        return -1;
    }

    /// <summary>Some layers of a model as one of their own; the caller owns it.</summary>
    /// <param name="model">The whole.</param>
    /// <param name="part">The layers.</param>
    /// <param name="normalization">Of what enters them.</param>
    /// <param name="told">Statistics that take the place of the running ones in eval mode; null leaves these.</param>
    public static NetworkModel Part(VictimModel model, Network part, Normalization normalization, LayerStatistics? told = null)
    {
        return new(part, normalization,
            [.. part.Parameters.Select(spec => model.Parameters[model.Layout.IndexOf(spec.Name)].detach().clone())],
            part.Buffers.ToDictionary(spec => spec.Name, spec => Value(spec.Name).to(model.Type, model.Device).clone()));

        Tensor Value(string name) => told is null ? model.Buffers[name]
            : name.EndsWith(LayerStatistics.MeanSuffix, StringComparison.Ordinal) ? told[name[..^LayerStatistics.MeanSuffix.Length]].Mean
            : name.EndsWith(LayerStatistics.VarianceSuffix, StringComparison.Ordinal)
                ? told[name[..^LayerStatistics.VarianceSuffix.Length]].Variance : model.Buffers[name];
    }
}
