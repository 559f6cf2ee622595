using Afterimage.Models;

namespace Afterimage.Leakage;

/// <summary>The equations that one layer puts on its input, for a single image.</summary>
/// <param name="Layer">Its name in the state dict.</param>
/// <param name="Unknowns">Numbers of its input.</param>
/// <param name="WeightConstraints">Independent equations W x = z, as far as what follows passes z on.</param>
/// <param name="GradientConstraints">Independent equations K x = dL/dW.</param>
/// <param name="VirtualConstraints">Numbers of the input that cannot vary, for a narrower layer lies before.</param>
/// <param name="Rank">Independent equations of both kinds together.</param>
/// <param name="Exact">Whether ranks are computed, numerically, on a random state; otherwise they are upper bounds from the shapes.</param>
/// <param name="Remark">What the count cannot see; empty when nothing.</param>
public sealed record LayerRank(string Layer, long Unknowns, long WeightConstraints, long GradientConstraints, long VirtualConstraints,
    long Rank, bool Exact, string Remark)
{
    /// <summary>Directions of the input that nothing determines.</summary>
    public long Deficit => Math.Max(0, Unknowns - Rank - VirtualConstraints);
}

/// <summary>
/// Rank analysis after R-GAP (Zhu and Blaschko, ICLR 2021): counts, layer by layer, the equations that a single image's gradient holds
/// against the unknowns, before any attack. Weights, activations and signals are drawn at random, so it speaks of the architecture;
/// it counts linear equations given the layer above, and sees neither noise nor conditioning.
/// </summary>
public sealed record RankAnalysis(ValueList<LayerRank> Layers)
{
    /// <summary>Undetermined directions of all layers.</summary>
    public long Deficit => Layers.Sum(layer => layer.Deficit);

    /// <summary>Where most is missing; null when nothing is.</summary>
    public LayerRank? Weakest => Layers.Where(layer => layer.Deficit > 0).MaxBy(layer => layer.Deficit);

    /// <summary>The finding, and what it rests on.</summary>
    public string Sentence => (Weakest is { } weakest
        ? $"The equations leave {Deficit} directions open, most of them at {weakest.Layer}: " +
            $"{weakest.Unknowns - weakest.Deficit} of {weakest.Unknowns} are determined."
        : "At every layer the equations are enough to determine the input of a single image.") +
        (Layers.Count(layer => !layer.Exact) is > 0 and var bounded
            ? $" {bounded} of {Layers.Count} layers are too large for more than an upper bound of the rank." : "");

    /// <summary>How far the equations of each layer determine its input, for a single image.</summary>
    public static RankAnalysis Of(Network network, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var found = new List<LayerRank>();
        var narrowest = long.MaxValue;
        long[] shape = [network.Input.Channels, network.Input.Height, network.Input.Width];
        Walk(network.Layers, shape, false);
        return new(found.ToValueList());

        void Walk(ValueList<Layer> layers, long[] input, bool branch)
        {
            for (var i = 0; i < layers.Count; i++)
            {
                var unknowns = input.Aggregate(1L, (product, size) => product * size);
                foreach (var inside in layers[i].Branches)
                    Walk(inside, input, true);
                if (layers[i] is Linear or Conv2d)
                {
                    var tail = layers.Skip(i + 1).TakeWhile(layer => layer is not (Linear or Conv2d) && !layer.Branches.Any()).ToList();
                    var lost = branch && i + 1 + tail.Count == layers.Count;
                    found.Add(Count(layers[i], input, tail, lost, Math.Max(0, unknowns - narrowest), random.Derive("layer", found.Count)));
                    if (!branch)
                        narrowest = Math.Min(narrowest, unknowns);
                }
                input = layers[i].Follow(input);
            }
        }
    }

    private static LayerRank Count(Layer layer, long[] input, List<Layer> tail, bool lost, long implied, RandomSource random)
    {
        using var scope = Tidy.Scope();
        using var generator = random.Generator(CPU);
        var state = new RandomState(layer, input, tail, generator);
        var remark = Remark(tail, lost);
        if (layer is Linear linear)
        {
            var (unknowns, tokens) = (state.Unknowns, state.Unknowns / linear.Input);
            var weightConstraints = lost ? 0 : Math.Min(unknowns, state.Passed);
            // Tokens share one weight: where they outnumber its outputs, its gradient tells less than they hold.
            var gradientConstraints = linear.Input * Math.Min(tokens, tokens == 1 ? 1 : linear.Output);
            return new(linear.Name, unknowns, weightConstraints, gradientConstraints, implied,
                Math.Min(unknowns, weightConstraints + gradientConstraints), tokens == 1, remark);
        }
        var conv = (Conv2d)layer;
        if (conv.Groups != 1)
            remark = string.Join(" ", remark, "Groups are counted as one.").Trim();
        var (gradient, exactGradient) = state.GradientRank();
        var (weights, both, exact) = state.Ranks(gradient, exactGradient, lost);
        return new(conv.Name, state.Unknowns, weights, gradient, implied, both, exact, remark);
    }

    private static string Remark(List<Layer> tail, bool lost)
    {
        var remarks = new List<string>();
        if (lost)
            remarks.Add("A residual's sum does not tell its branches apart, so weight constraints are not counted.");
        if (tail.Any(layer => layer is Activation { Kind: ActivationKind.Gelu or ActivationKind.Silu }))
            remarks.Add("The activation is not monotone, so it is read backwards up to two values.");
        if (tail.Any(layer => layer is MaxPool2d))
            remarks.Add("Which places max pooling chose is taken as known.");
        if (tail.Any(layer => layer is BatchNorm2d))
            remarks.Add("BatchNorm is taken in eval mode.");
        return string.Join(" ", remarks);
    }
}
