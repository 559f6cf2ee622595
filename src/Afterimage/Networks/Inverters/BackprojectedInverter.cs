namespace Afterimage.Networks;

/// <summary>
/// The pictures of all layers (<see cref="Backprojection"/>) are brought down to the smallest maps, mixed there by a linear layer, and
/// drawn again with the maps of every side on the way (a U-Net; Ronneberger, Fischer and Brox, 2015).
/// </summary>
[Cites("ronneberger2015unet")]
internal sealed class BackprojectedInverter(InverterShape shape, ValueList<int> widths) : InverterNetwork(shape, widths)
{
    private readonly MapDecoder decoder = new(shape);

    private long Pictures => (long)Widths.Count * Shape.Channels;

    private protected override IEnumerable<(string, long[])> Tensors() =>
    [
        ("pictures.weight", [Shape.ChannelsAt(Shape.Side), Pictures, 3, 3]), ("pictures.bias", [Shape.ChannelsAt(Shape.Side)]),
        .. Down().SelectMany(side => ((string, long[])[])
        [
            ($"down{side}.weight", [Shape.ChannelsAt(side), Shape.ChannelsAt(2 * side), 3, 3]),
            ($"down{side}.bias", [Shape.ChannelsAt(side)]),
        ]),
        .. Dense("mixed", decoder.Count, decoder.Count), .. decoder.Tensors(),
    ];

    private IEnumerable<int> Down() => Shape.Sides.Reverse().Skip(1);

    private protected override double Gain(string name) =>
        name.StartsWith("down", StringComparison.Ordinal) ? Math.Sqrt(2) : MapDecoder.Gain(name);

    public override Tensor Images(ParameterViews parameters, Tensor updates, int count)
    {
        Tensor Convolved(Tensor input, string layer) =>
            nn.functional.conv2d(input, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"], padding: [1L, 1]);
        var maps = new List<Tensor> { Convolved(updates.view(-1, Pictures, Shape.Side, Shape.Side), "pictures") };
        foreach (var side in Down())
            maps.Add(Convolved(nn.functional.avg_pool2d(nn.functional.silu(maps[^1]), 2), $"down{side}"));
        var mixed = maps[^1].flatten(1) + Dense(parameters, "mixed", nn.functional.silu(maps[^1]).flatten(1));
        maps.Reverse();
        return decoder.Decode(parameters, mixed, maps).unsqueeze(1);
    }
}
