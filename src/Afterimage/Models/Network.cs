namespace Afterimage.Models;

/// <summary>A network as data: what comes in, how many classes go out, and the layers between.</summary>
public sealed record Network(ImageShape Input, int Classes, Seq<Layer> Layers)
{
    /// <summary>
    /// Parameter names in the order in which PyTorch registered them, where that is not the order of the layers; an update
    /// without names comes in this order. Empty: the order of the layers.
    /// </summary>
    public Seq<string> Order { get; init; } = [];

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
