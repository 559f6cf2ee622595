namespace Afterimage.Models;

/// <summary>A classification network as data.</summary>
/// <param name="Input">Shape of one image.</param>
/// <param name="Classes">Outputs of the last layer.</param>
/// <param name="Layers">In order of execution.</param>
public sealed record Network(ImageShape Input, int Classes, ValueList<Layer> Layers)
{
    /// <summary>
    /// Parameter names in PyTorch's order of registration, which is the order of an update without names; empty where that is
    /// the order of the layers.
    /// </summary>
    public ValueList<string> Order { get; init; } = [];

    /// <summary>All parameters, in PyTorch's order of registration.</summary>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            var specs = Layers.SelectMany(layer => layer.Parameters);
            var places = Order.Select((name, place) => (name, place)).ToDictionary(pair => pair.name, pair => pair.place);
            return Order.Count == 0 ? specs : specs.OrderBy(spec => places[spec.Name]);
        }
    }

    /// <summary>BatchNorm's running statistics.</summary>
    public IEnumerable<ParameterSpec> Buffers => Layers.SelectMany(layer => layer.Buffers);

    /// <summary>How <see cref="Parameters"/> lie in one flat vector.</summary>
    public TensorLayout Layout() => new(Parameters.Select(spec => (spec.Name, spec.Shape.ToArray())));

    /// <summary>Every dropout layer with the shape of its input for one image, in order of execution.</summary>
    public IEnumerable<(Dropout Layer, ValueList<long> Shape)> Dropouts => DropoutsOf(Layers, [Input.Channels, Input.Height, Input.Width]);

    /// <summary>Length of the dropout mask of one image, all dropout layers together.</summary>
    public long MaskCount => Dropouts.Sum(pair => pair.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>The probability that a mask keeps each number, shape [<see cref="MaskCount"/>], float32.</summary>
    public Tensor KeepRates() =>
        cat([.. Dropouts.Select(pair => full([.. pair.Shape], 1 - pair.Layer.Rate, ScalarType.Float32).reshape(-1))]);

    /// <summary>Numbers that leave all layers for one image, those inside of branches among them.</summary>
    public long ValueCount => ValuesOf(Layers, [Input.Channels, Input.Height, Input.Width]);

    private static long ValuesOf(IEnumerable<Layer> layers, long[] shape)
    {
        var sum = 0L;
        foreach (var layer in layers)
        {
            sum += layer.Branches.Sum(branch => ValuesOf(branch, shape));
            shape = layer.Follow(shape);
            sum += shape.Aggregate(1L, (product, size) => product * size);
        }
        return sum;
    }

    private static IEnumerable<(Dropout, ValueList<long>)> DropoutsOf(IEnumerable<Layer> layers, long[] shape)
    {
        foreach (var layer in layers)
        {
            if (layer is Dropout dropout)
                yield return (dropout, shape.ToValueList());
            foreach (var inside in layer.Branches.SelectMany(branch => DropoutsOf(branch, shape)))
                yield return inside;
            shape = layer.Follow(shape);
        }
    }

    /// <summary>This network, once it is sure that its layers fit one another.</summary>
    /// <exception cref="AfterimageException">A layer does not take what reaches it, or the output is not [classes].</exception>
    public Network Checked()
    {
        var shape = Follow(Input, Layers);
        return shape is [var outputs] && outputs == Classes ? this
            : throw new AfterimageException($"The network ends in shape [{string.Join(",", shape)}], not in {Classes} classes.");
    }

    /// <summary>The output shape of layers applied to an image of this shape, [C,H,W] or [features].</summary>
    public static long[] Follow(ImageShape input, IEnumerable<Layer> layers) =>
        layers.Aggregate<Layer, long[]>([input.Channels, input.Height, input.Width], (shape, layer) => layer.Follow(shape));
}
