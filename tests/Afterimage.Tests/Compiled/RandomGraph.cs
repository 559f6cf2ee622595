using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Tests.Compiled;

/// <summary>
/// A small random network over all kinds of layers, nested in one another, and a batch for it; a function of its number and a seed.
/// </summary>
internal sealed record RandomGraph(Network Network, int Batch, ModelMode Mode)
{
    public override string ToString() => $"{Mode}, batch {Batch} of {Network.Input}: {string.Join(" | ", Network.Layers)}";

    public static RandomGraph Draw(int seed, int number) =>
        new GraphDrawing(new RandomSource((ulong)seed).Derive($"graph {number}").Managed()).Graph();

    /// <summary>The graphs with one of this one's outermost layers left out.</summary>
    public IEnumerable<RandomGraph> Smaller() => Enumerable.Range(0, Network.Layers.Count).Select(left =>
        this with { Network = Network with { Layers = Network.Layers.Where((_, place) => place != left).ToValueList() } });

    /// <summary>Whether no number of the network stands beside a kink or a tie, where rounding would decide.</summary>
    public bool IsSmooth => Network.Layers.SelectMany(layer => layer.Within).All(layer => layer is not MaxPool2d
        && (layer is not Activation activation || GraphDrawing.SmoothKinds.Contains(activation.Kind)));
}
