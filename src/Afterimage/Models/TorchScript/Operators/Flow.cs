namespace Afterimage.Models.TorchScript;

/// <summary>A symbolic activation: its shape for one image, and the layers that computed it.</summary>
internal sealed class Flow(long[] shape, Layer? step = null, Flow? previous = null)
{
    public long[] Shape { get; } = shape;

    private Layer? Step { get; } = step;

    private Flow? Previous { get; } = previous;

    public Flow Then(Layer layer) => new(layer.Follow(Shape), layer, this);

    public ValueList<Layer> LayersFrom(Flow? start)
    {
        var layers = new List<Layer>();
        for (var flow = this; !ReferenceEquals(flow, start) && flow.Step is not null; flow = flow.Previous!)
            layers.Add(flow.Step);
        layers.Reverse();
        return layers.ToValueList();
    }

    /// <summary>The last activation that both are computed from.</summary>
    private static Flow Parting(Flow left, Flow right)
    {
        var path = new HashSet<Flow>(ReferenceEqualityComparer.Instance);
        for (var flow = left; flow is not null; flow = flow.Previous)
            path.Add(flow);
        var parting = right;
        while (!path.Contains(parting))
            parting = parting.Previous!;
        return parting;
    }

    /// <summary>The channels of all branches, one after the other.</summary>
    public static Flow Join(Flow[] parts)
    {
        if (parts.Length == 1)
            return parts[0];
        var parting = parts.Aggregate(Parting);
        return parting.Then(new Concatenation(parts.Select(part => part.LayersFrom(parting)).ToValueList()));
    }

    /// <summary>An activation times a factor that is computed from it.</summary>
    public static Flow Multiply(Flow left, Flow right)
    {
        var parting = Parting(left, right);
        var factor = ReferenceEquals(parting, left) ? right : ReferenceEquals(parting, right) ? left
            : throw new UnreadableScriptException("it multiplies two activations of which neither is computed from the other");
        return ReferenceEquals(left, right) ? throw new UnreadableScriptException("it multiplies a value by itself")
            : parting.Then(new Scaled(factor.LayersFrom(parting)));
    }

    /// <summary>The sum of two branches: a residual around their last common activation.</summary>
    public static Flow Add(Flow left, Flow right)
    {
        var parting = Parting(left, right);
        var (body, shortcut) = (left.LayersFrom(parting), right.LayersFrom(parting));
        if (body.Count == 0)
            (body, shortcut) = (shortcut, body);
        return body.Count == 0
            ? throw new UnreadableScriptException("it adds a value to itself")
            : parting.Then(new Residual(body, shortcut));
    }
}

/// <summary>A subsampled activation, the first half of a <see cref="PaddedShortcut"/>, whose channels are still to be padded.</summary>
internal sealed record Strided(Flow Flow, long Rows, long Columns);

/// <summary>A parameter or buffer under its name in the file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its shape in the file.</param>
/// <param name="IsTransposed">Whether rows and columns are exchanged.</param>
/// <param name="IsRepeated">Whether it is repeated for every image of the batch.</param>
internal sealed record NamedTensor(string Name, long[] Shape, bool IsTransposed = false, bool IsRepeated = false);
