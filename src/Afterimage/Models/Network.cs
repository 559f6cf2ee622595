namespace Afterimage.Models;

/// <summary>A network as data: what comes in, how many classes go out, and the layers between.</summary>
public sealed record Network(ImageShape Input, int Classes, ValueList<Layer> Layers)
{
    /// <summary>
    /// Parameter names in the order in which PyTorch registered them, where that is not the order of the layers; an update
    /// without names comes in this order. Empty: the order of the layers.
    /// </summary>
    public ValueList<string> Order { get; init; } = [];

    /// <summary>In PyTorch's order.</summary>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            var specs = Layers.SelectMany(layer => layer.Parameters);
            var places = Order.Select((name, place) => (name, place)).ToDictionary(pair => pair.name, pair => pair.place);
            return Order.Count == 0 ? specs : specs.OrderBy(spec => places[spec.Name]);
        }
    }

    public IEnumerable<ParameterSpec> Buffers => Layers.SelectMany(layer => layer.Buffers);

    public TensorLayout Layout() => new(Parameters.Select(spec => (spec.Name, spec.Shape.ToArray())));

    /// <summary>Every dropout with the shape that it masks, in the order in which images reach them.</summary>
    public IEnumerable<(Dropout Layer, ValueList<long> Shape)> Dropouts => DropoutsOf(Layers, [Input.Channels, Input.Height, Input.Width]);

    /// <summary>Numbers that dropout can drop for one image.</summary>
    public long MaskCount => Dropouts.Sum(pair => pair.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>For each of them the probability that it is kept, shape [<see cref="MaskCount"/>].</summary>
    public Tensor KeepRates() => cat([.. Dropouts.Select(pair => full([.. pair.Shape], 1 - pair.Layer.Rate, ScalarType.Float32).reshape(-1))]);

    private static IEnumerable<(Dropout, ValueList<long>)> DropoutsOf(IEnumerable<Layer> layers, long[] shape)
    {
        foreach (var layer in layers)
        {
            if (layer is Dropout dropout)
                yield return (dropout, shape.ToValueList());
            if (layer is Residual residual)
                foreach (var inside in DropoutsOf(residual.Body, shape).Concat(DropoutsOf(residual.Shortcut, shape)))
                    yield return inside;
            shape = layer.Follow(shape);
        }
    }

    /// <summary>Throws with a sentence where shapes do not follow one another or the last is not [classes].</summary>
    public Network Checked()
    {
        var shape = Follow(Input, Layers);
        return shape is [var outputs] && outputs == Classes ? this
            : throw new AfterimageException($"The network ends in shape [{string.Join(",", shape)}], not in {Classes} classes.");
    }

    /// <summary>The shape to which layers bring images of one shape, [C,H,W] or [features].</summary>
    public static long[] Follow(ImageShape input, IEnumerable<Layer> layers) =>
        layers.Aggregate<Layer, long[]>([input.Channels, input.Height, input.Width], (shape, layer) => layer.Follow(shape));
}
